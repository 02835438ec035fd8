import pathlib

import pytest
import rich.console

from hack.cluster import console, errors, packages, programs, toolchain


def quiet() -> console.Console:
    return console.Console(rich.console.Console(quiet=True))


def executable(path: pathlib.Path, *, says: str) -> pathlib.Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_the_cache_s_folder_is_named_after_go_sum(tmp_path: pathlib.Path) -> None:
    folder = programs.folder(tmp_path)
    assert folder.parent == tmp_path / "bin"
    assert len(folder.name) == 16


def test_our_own_programs_carry_the_hash_of_their_source(tmp_path: pathlib.Path) -> None:
    assert programs.cached("etcd", cache=tmp_path).name == "server"
    assert programs.cached("dns", cache=tmp_path).name.startswith("dns-")


def test_every_program_s_module_has_a_version_in_go_mod() -> None:
    versions = programs.versions()
    for program in programs.PROGRAMS.values():
        assert not program.module or program.module in versions


def test_the_linker_is_told_kubernetes_version() -> None:
    version = programs.versions()["k8s.io/kubernetes"]
    assert f"gitVersion=v{version}" in programs.linker_flags()


@pytest.mark.parametrize(
    ("said", "fits"),
    [
        ("Kubernetes v1.36.3", True),
        ("Client Version: v1.36.0", True),
        ("Kubernetes v1.35.9", False),
        ("Kubernetes v11.36.3", False),
        ("Kubernetes v1.360.3", False),
        ("etcd Version: 3.1.36", False),
        ("", False),
    ],
)
def test_a_program_fits_by_its_minor_release(said: str, fits: bool) -> None:
    assert programs.matches(said, wanted="1.36.3") is fits


def test_what_the_cache_has_is_not_asked_for_its_version(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TRAINSHED_BIN", raising=False)
    path = executable(programs.cached("helm", cache=tmp_path), says="nonsense")
    assert programs.ensure(["helm"], cache=tmp_path, shown=quiet()) == {"helm": path}


def test_the_given_folder_comes_first_if_its_version_fits(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, cache = tmp_path / "given", tmp_path / "cache"
    monkeypatch.setenv("TRAINSHED_BIN", str(given))
    fitting = executable(given / "kwok", says=f"v{programs.versions()['sigs.k8s.io/kwok']}")
    executable(given / "helm", says="v2.1.0")
    executable(programs.cached("kwok", cache=cache), says="")
    cached = executable(programs.cached("helm", cache=cache), says="")
    found = programs.ensure(["kwok", "helm"], cache=cache, shown=quiet())
    assert found == {"kwok": fitting, "helm": cached}


def test_the_given_folder_may_be_a_copy_of_the_cache(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = tmp_path / "given"
    monkeypatch.setenv("TRAINSHED_BIN", str(given))
    pause = executable(given / programs.cached("pause", cache=tmp_path).name, says="")
    assert programs.ensure(["pause"], cache=tmp_path, shown=quiet()) == {"pause": pause}


def test_a_program_on_the_path_is_used_before_one_is_built(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TRAINSHED_BIN", raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/bin")
    version = programs.versions()["helm.sh/helm/v3"]
    helm = executable(tmp_path / "path" / "helm", says=f"v{version}")
    found = programs.ensure(["helm"], cache=tmp_path / "cache", shown=quiet())
    assert found == {"helm": helm}


@pytest.mark.parametrize(
    ("said", "release"),
    [
        ("go version go1.26.8 linux/amd64", (1, 26)),
        ("go version go1.27rc1 linux/arm64", (1, 27)),
        ("go version devel", (0, 0)),
    ],
)
def test_the_toolchain_s_release_is_read(said: str, release: tuple[int, int]) -> None:
    assert toolchain.version(said) == release


def test_a_toolchain_that_does_not_run_is_not_recent(tmp_path: pathlib.Path) -> None:
    assert not toolchain.recent(tmp_path / "go")
    assert toolchain.recent(executable(tmp_path / "go2", says="go version go1.99.0 x"))
    assert not toolchain.recent(executable(tmp_path / "go3", says="go version go1.25.9 x"))


def test_only_packages_whose_program_is_missing_are_installed(tmp_path: pathlib.Path) -> None:
    there = tmp_path / "bridge"
    there.touch()
    needed = {str(there): "plugins", str(tmp_path / "gone"): "registry", "no-such-program": "x"}
    assert packages.missing(needed) == ["registry", "x"]


def test_packages_are_installed_without_what_they_recommend() -> None:
    ran: list[list[str]] = []

    def run(argv: list[str], **_: object) -> str:
        ran.append(list(argv))
        return ""

    packages.install(["runc"], run=run)  # type: ignore[arg-type]
    assert ["apt-get" in each for each in ran] == [True, True]
    assert [each for each in ("update", "install") if each in ran[0]] == ["update"]
    assert "install" in ran[1]
    assert "--no-install-recommends" in ran[1]
    assert ran[1][-1] == "runc"


def test_old_package_lists_are_tried_where_new_ones_cannot_be_had() -> None:
    ran: list[list[str]] = []

    def run(argv: list[str], **_: object) -> str:
        ran.append(list(argv))
        if "update" in argv:
            raise errors.CommandFailed("no network")
        return ""

    packages.install(["runc"], run=run)  # type: ignore[arg-type]
    assert "install" in ran[-1]


def test_what_keeps_the_lists_from_being_fetched_is_told_when_they_do_not_do() -> None:
    def run(argv: list[str], **_: object) -> str:
        raise errors.CommandFailed("no network" if "update" in argv else "no such package")

    with pytest.raises(errors.CommandFailed, match="no network"):
        packages.install(["runc"], run=run)  # type: ignore[arg-type]


def test_another_installation_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    said = ["Could not get lock /var/lib/apt/lists/lock", ""]
    ran: list[str] = []

    def run(argv: list[str], **_: object) -> str:
        ran.append(argv[-1])
        if said and (locked := said.pop(0)):
            raise errors.CommandFailed(locked)
        return ""

    monkeypatch.setattr("hack.apt.PAUSE_SECONDS", 0.0)
    packages.install(["runc"], run=run)  # type: ignore[arg-type]
    assert ran == ["update", "update", "runc"]
