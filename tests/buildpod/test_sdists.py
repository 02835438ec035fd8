"""Packages without a wheel: built by the real uv where no Secret is, and what is believed of it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest

from tests import facts, package_index
from tests.buildpod import test_packages as images
from tests.unit.buildpod import roots
from tests.unit.registry import faulty
from trainshed.api import labels
from trainshed.buildpod import failing, sdists, stocktaking, uv, wheelmaking, wishes
from trainshed.builds import pods, requirements
from trainshed.builds import sdists as paths
from trainshed.core import observed, plan

wheel, project = package_index.wheel, package_index.project
PLACED = "opt/trainshed/packages"
LIMIT = 1 << 30


@pytest.fixture
def rig() -> faulty.Rig:
    return faulty.Rig(images.registry())


@pytest.fixture
def stock(index: package_index.Index) -> package_index.Index:
    """Return an index with packages of both kinds."""
    index.add(wheel("numpy", "2.3.0"), wheel("einops", "0.8.1", requires=["numpy>=2"]))
    index.add(project("onlysource", "1.0", requires=["einops", "numpy"]))
    return index


def run(root: pathlib.Path) -> None:
    """Run what the container runs, with its folders below another root."""
    order = facts.pod_order(requirements=requirements.Requirements(wheels_only=False))
    given = pods.Surroundings(image="builder", settings="{}")
    job = pods.render(order, namespace="ns", given=given)
    containers = job["spec"]["template"]["spec"]["initContainers"]
    (found,) = (each for each in containers if each["name"] == labels.WHEELS)
    for folder in (paths.OUTCOME, paths.SCRATCH):
        (root / folder.lstrip("/")).mkdir(parents=True, exist_ok=True)

    def below(text: str) -> str:
        return re.sub(r"(?<![\w/])/(wish|wheels|tmp)\b", rf"{root}/\1", text)

    program, option, script = found["command"]
    environment = {each["name"]: below(each["value"]) for each in found["env"]}
    # As in the container: its python3, and no uv but the one that it was given.
    environment["PATH"] = f"{pathlib.Path(sys.executable).parent}:/usr/bin:/bin"
    done = subprocess.run(
        [program, option, below(script)],
        env=environment,
        cwd=root / "tmp",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


async def chosen(
    rig: faulty.Rig, url: str, root: pathlib.Path, *wanted: str, file: str = "", limit: int = LIMIT
) -> sdists.Made:
    """Have packages chosen and built, as the steps before the last one do."""
    asked = requirements.Requirements(
        packages=wanted, file="r.txt" if file else "", wheels_only=False
    )
    order = plan.BuildOrder(base=images.NAME, entrypoint=faulty.ENTRYPOINT)
    (ground,) = await rig.builder.grounds("team-a", order)
    base = await stocktaking.take(ground)
    wish = wishes.read(asked, {"r.txt": file.encode()})
    sdists.lay_out(wish, base, uv.Index(url), root=root)
    run(root)
    return sdists.collected(url, root / "anew", limit=limit, root=root)


async def made(
    rig: faulty.Rig, index: package_index.Index, root: pathlib.Path, *wanted: str, **given: Any
) -> observed.BuiltImage:
    """Return the image with packages that were built."""
    built = await chosen(rig, index.url, root, *wanted, **given)
    return await images.made(
        rig, index, root / "work", *wanted, file=given.get("file", ""), built=built
    )


async def refused(
    rig: faulty.Rig, index: package_index.Index, root: pathlib.Path, *wanted: str, **given: Any
) -> failing.BuildFailed:
    with pytest.raises(failing.BuildFailed) as told:
        await made(rig, index, root, *wanted, **given)
    return told.value


def sha256(found: tuple[str, bytes]) -> str:
    return hashlib.sha256(found[1]).hexdigest()


async def test_a_package_of_source_alone_is_built_and_lies_beside_the_others(
    rig: faulty.Rig, stock: package_index.Index, tmp_path: pathlib.Path
) -> None:
    image = await made(rig, stock, tmp_path, "onlysource")
    added = images.layers(rig, image)[0]

    assert {f"{PLACED}/onlysource.py", f"{PLACED}/einops.py"} <= set(added)
    # What the base has is never installed again.
    assert not [each for each in added if "numpy" in each]
    assert image.lock_hash.startswith("sha256:")


async def test_the_lock_names_the_source_and_the_wheel_that_was_made_of_it(
    rig: faulty.Rig, stock: package_index.Index, tmp_path: pathlib.Path
) -> None:
    built = await chosen(rig, stock.url, tmp_path, "onlysource")
    (name,) = built.wheels
    assert name == "onlysource-1.0-py3-none-any.whl"
    image = await images.made(rig, stock, tmp_path / "work", "onlysource", built=built)

    lock = (tmp_path / "work/linux-amd64/packages.lock").read_text()
    source = sha256(project("onlysource", "1.0", requires=["einops", "numpy"]))
    assert f"onlysource==1.0 \\\n    --hash=sha256:{source} \\\n" in lock
    assert lock.endswith(f"    --hash=sha256:{built.wheels[name]}\n")
    assert image.lock_hash == f"sha256:{hashlib.sha256(lock.encode()).hexdigest()}"


async def test_the_lock_of_an_image_gives_the_same_image_again(
    rig: faulty.Rig, stock: package_index.Index, tmp_path: pathlib.Path
) -> None:
    first = await made(rig, stock, tmp_path / "a", "onlysource")
    lock = (tmp_path / "a/work/linux-amd64/packages.lock").read_text()
    again = await made(rig, stock, tmp_path / "b", file=lock)
    assert again.lock_hash == first.lock_hash


async def test_what_packages_have_wheels_of_is_not_built(
    rig: faulty.Rig, stock: package_index.Index, tmp_path: pathlib.Path
) -> None:
    stock.add(project("einops", "0.8.1", does="raise SystemExit('built')"))
    built = await chosen(rig, stock.url, tmp_path, "einops")
    assert built.wheels == {}


async def test_equal_contents_are_the_same_image_whenever_they_were_built(
    rig: faulty.Rig, stock: package_index.Index, tmp_path: pathlib.Path
) -> None:
    first = await made(rig, stock, tmp_path / "a", "onlysource")
    second = await made(rig, stock, tmp_path / "b", "onlysource")
    assert (second.ref, second.cache_hit, second.uploaded_bytes) == (first.ref, True, 0)


async def test_other_contents_of_the_same_source_are_another_image(
    rig: faulty.Rig, index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    does = 'import uuid\nfiles["random.py"] = uuid.uuid4().hex'
    index.add(project("onlysource", "1.0", does=does))
    first = await made(rig, index, tmp_path / "a", "onlysource")
    second = await made(rig, index, tmp_path / "b", "onlysource")
    assert (first.key != second.key, second.cache_hit) == (True, False)


async def test_what_a_package_requires_may_be_told_by_its_build(
    rig: faulty.Rig, stock: package_index.Index, tmp_path: pathlib.Path
) -> None:
    stock.add(project("dynamic", "1.0", requires=["einops"], dynamic=True))
    image = await made(rig, stock, tmp_path, "dynamic")
    assert {f"{PLACED}/dynamic.py", f"{PLACED}/einops.py"} <= set(images.layers(rig, image)[0])


async def test_what_packages_are_built_by_comes_from_the_index(
    rig: faulty.Rig, stock: package_index.Index, tmp_path: pathlib.Path
) -> None:
    """What stands for the base's own packages is empty: nothing can be built by it."""
    does = 'import numpy\nfiles["by.py"] = f"V = {numpy.V!r}"\nassert numpy.V == "2.3.0"'
    stock.add(project("native", "1.0", needs=["numpy"], requires=["numpy"], does=does))
    image = await made(rig, stock, tmp_path, "native")
    added = images.layers(rig, image)[0]
    assert f"{PLACED}/by.py" in added
    assert f"{PLACED}/numpy.py" not in added


async def test_a_contradiction_to_the_base_is_told_in_the_resolvers_words(
    rig: faulty.Rig, stock: package_index.Index, tmp_path: pathlib.Path
) -> None:
    stock.add(project("modern", "1.0", requires=["numpy>=2.3"]))
    told = await refused(rig, stock, tmp_path, "modern")
    assert (told.reason, told.terminal) == ("RequirementsConflict", True)
    assert "numpy" in str(told)
    assert "what the base has is never replaced" in str(told)


async def test_a_users_lock_is_built_of_the_source_that_it_names(
    rig: faulty.Rig, stock: package_index.Index, tmp_path: pathlib.Path
) -> None:
    source = sha256(project("onlysource", "1.0", requires=["einops", "numpy"]))
    lock = f"onlysource==1.0 --hash=sha256:{source}\n"
    image = await made(rig, stock, tmp_path, file=lock)
    assert f"{PLACED}/onlysource.py" in images.layers(rig, image)[0]


async def test_a_source_that_the_lock_does_not_allow_is_not_built(
    rig: faulty.Rig, index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    mark = tmp_path / "was-run"
    index.add(project("onlysource", "1.0", does=f"open({str(mark)!r}, 'w')"))
    told = await refused(rig, index, tmp_path, file=f"onlysource==1.0 --hash=sha256:{'0' * 64}")
    assert (told.reason, told.terminal) == ("PackageInvalid", True)
    assert "hash mismatch" in str(told)
    assert not mark.exists()


async def test_a_build_that_fails_is_told_by_its_own_words(
    rig: faulty.Rig, index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    index.add(project("broken", "1.0", does="raise RuntimeError('no such luck')"))
    told = await refused(rig, index, tmp_path, "broken")
    assert (told.reason, told.terminal) == ("WheelBuildFailed", True)
    assert "broken==1.0 has no wheel" in str(told)
    assert "RuntimeError: no such luck" in str(told)


async def test_a_build_that_fails_while_packages_are_chosen_is_told_likewise(
    rig: faulty.Rig, index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    index.add(project("broken", "1.0", does="raise RuntimeError('no such luck')", dynamic=True))
    told = await refused(rig, index, tmp_path, "broken")
    assert told.reason == "WheelBuildFailed"
    assert "broken==1.0 has no wheel" in str(told)
    assert "RuntimeError: no such luck" in str(told)


async def test_what_a_build_needs_and_no_index_has_is_named(
    rig: faulty.Rig, index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    index.add(project("broken", "1.0", needs=["nowhere"]))
    told = await refused(rig, index, tmp_path, "broken")
    assert told.reason == "WheelBuildFailed"
    assert "nowhere" in str(told)


@pytest.mark.parametrize("called", [("other", ""), ("", "2.0")], ids=["name", "version"])
async def test_a_wheel_of_another_name_or_version_is_refused(
    rig: faulty.Rig, index: package_index.Index, tmp_path: pathlib.Path, called: tuple[str, str]
) -> None:
    index.add(project("liar", "1.0", made=called))
    told = await refused(rig, index, tmp_path, "liar")
    assert (told.reason, told.terminal) in (("PackageInvalid", True), ("WheelBuildFailed", True))


async def test_a_wheel_for_another_python_or_machine_is_refused(
    rig: faulty.Rig, index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    tag = "cp311-cp311-linux_x86_64"
    index.add(project("native", "1.0", tag=tag))
    told = await refused(rig, index, tmp_path, "native")
    assert (told.reason, told.terminal) == ("CompiledForAnotherPython", True)
    assert tag in str(told)
    assert "the base has Python 3.13" in str(told)


async def test_a_wheel_for_the_bases_python_is_installed(
    rig: faulty.Rig, index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    does = 'files["native.so"] = b"ELF"'
    index.add(project("native", "1.0", tag="cp313-cp313-linux_x86_64", does=does))
    image = await made(rig, index, tmp_path, "native")
    assert f"{PLACED}/native.so" in images.layers(rig, image)[0]


@pytest.mark.parametrize(
    "does",
    [
        "os.symlink('/etc/passwd', name)",
        "os.mkfifo(name)",
        "open(name, 'w').write('no archive')",
        "os.rmdir(made); os.mkdir(other); os.symlink(other, made)",
    ],
    ids=["a link", "a pipe", "no archive", "a link to a folder"],
)
async def test_what_a_build_leaves_beside_its_wheel_is_not_believed(
    rig: faulty.Rig, index: package_index.Index, tmp_path: pathlib.Path, does: str
) -> None:
    places = (
        f"import os\nmade, other = {str(tmp_path / 'wheels/made')!r}, {str(tmp_path / 'other')!r}\n"
        "name = made + '/other-1-py3-none-any.whl'\n"
    )
    index.add(project("evil", "1", does=places + does))
    told = await refused(rig, index, tmp_path, "evil")
    assert (told.reason, told.terminal) == ("PackageInvalid", True)


@pytest.fixture
def open_folder() -> Iterator[pathlib.Path]:
    """Return a folder that every user may write to."""
    with tempfile.TemporaryDirectory() as name:
        pathlib.Path(name).chmod(0o777)
        yield pathlib.Path(name)


@contextlib.contextmanager
def nobody() -> Iterator[None]:
    """Be a user who may not read all files, as the builder is."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


@pytest.mark.parametrize("closed", ["code", "lock", "made", "made/a-1-py3-none-any.whl"])
def test_what_a_build_left_closed_ends_the_job(open_folder: pathlib.Path, closed: str) -> None:
    for name, text in (("wish/base.json", "{}"), ("wheels/code", "0"), ("wheels/lock", "")):
        path = open_folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    (open_folder / "wheels/made").mkdir()
    name, data = wheel("a", "1")
    (open_folder / "wheels/made" / name).write_bytes(data)
    (open_folder / "wheels" / closed).chmod(0)
    with nobody(), pytest.raises(failing.BuildFailed) as told:
        sdists.collected("", open_folder / "anew", limit=LIMIT, root=open_folder)
    assert (told.value.reason, told.value.terminal) == ("PackageInvalid", True)


async def test_wheels_are_no_larger_than_packages_may_be(
    rig: faulty.Rig, index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    index.add(project("vast", "1", does='files["vast.bin"] = bytes(1 << 22)'))
    told = await refused(rig, index, tmp_path, "vast", limit=1 << 20)
    assert (told.reason, told.terminal) == ("PackageInvalid", True)
    assert "1048576 are allowed" in str(told)


def runs(pid: pathlib.Path) -> bool:
    """Return whether a process runs: not one of which nobody has asked yet how it ended."""
    stat = pathlib.Path("/proc", pid.read_text(), "stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


_STAYS = """
import os
alive, ends = pathlib.Path({alive!r}), time.monotonic() + 60
if not os.fork():
    {leaves}
    alive.write_text(str(os.getpid()))
    while alive.exists() and time.monotonic() < ends:
        time.sleep(0.1)
    alive.unlink(missing_ok=True)
    os._exit(0)
while not alive.exists():
    time.sleep(0.01)
"""
"""A build that goes on when it is done, with all that it had open."""


@pytest.mark.parametrize("leaves", ["os.setsid()", "pass"], ids=["a session", "the group"])
async def test_what_a_build_left_running_is_ended_and_nobody_waits_for_it(
    rig: faulty.Rig, index: package_index.Index, tmp_path: pathlib.Path, leaves: str
) -> None:
    alive = tmp_path / "alive"
    index.add(project("stays", "1", does=_STAYS.format(alive=str(alive), leaves=leaves)))
    image = await made(rig, index, tmp_path, "stays")
    assert f"{PLACED}/stays.py" in images.layers(rig, image)[0]
    # By itself it would have ended later, and removed this.
    assert not runs(alive)


async def test_nobody_waits_for_pipes_in_the_place_of_files(
    rig: faulty.Rig, index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    does = f"""
import os
for each in ("code", "log", "stage", "said"):
    path = pathlib.Path({str(tmp_path / "wheels")!r}, each)
    path.unlink(missing_ok=True)
    os.mkfifo(path)
raise SystemExit("no more")
"""
    index.add(project("evil", "1", does=does))
    told = await refused(rig, index, tmp_path, "evil")
    assert (told.reason, told.terminal) == ("WheelBuildFailed", True)


def test_a_build_without_end_is_ended_and_told_of(tmp_path: pathlib.Path) -> None:
    (tmp_path / "wish").mkdir()
    program = tmp_path / "wish/uv"
    program.write_text("#!/bin/sh\necho so far >&2\nexec sleep 60\n")
    program.chmod(0o755)
    (tmp_path / "wish/target.json").write_text("[]")
    for folder in ("out", "scratch"):
        (tmp_path / folder).mkdir()
    maker = wheelmaking.Maker(
        tmp_path / "wish", tmp_path / "out", tmp_path / "scratch", call_seconds=0.5
    )
    with pytest.raises(wheelmaking.Failed) as told:
        maker.run()
    assert told.value.stage == "resolve"
    assert "so far" in told.value.said
    assert "took longer than" in told.value.said


async def test_a_lock_that_a_build_wrote_over_takes_nothing_of_the_bases(
    rig: faulty.Rig, stock: package_index.Index, tmp_path: pathlib.Path
) -> None:
    lock = f"numpy==2.3.0 --hash=sha256:{sha256(wheel('numpy', '2.3.0'))}\\n"
    does = f"open({str(tmp_path / 'wheels/lock')!r}, 'a').write('{lock}')"
    stock.add(project("evil", "1", does=does))
    image = await made(rig, stock, tmp_path, "evil")
    assert not [each for each in images.layers(rig, image)[0] if "numpy" in each]


async def test_a_package_that_has_a_wheel_is_not_replaced_by_the_build_of_another(
    rig: faulty.Rig, stock: package_index.Index, tmp_path: pathlib.Path
) -> None:
    name, data = wheel("einops", "0.8.1", {"einops.py": "V = 'evil'\n"})
    does = f"open({str(tmp_path / 'wheels/made' / name)!r}, 'wb').write({data!r})"
    evil = project("evil", "1", does=does)
    stock.add(evil)
    kept = sha256(wheel("einops", "0.8.1", requires=["numpy>=2"]))
    lock = f"einops==0.8.1 --hash=sha256:{kept}\nevil==1 --hash=sha256:{sha256(evil)}\n"
    for given in ({"file": lock}, {}):
        told = await refused(rig, stock, tmp_path, *(() if given else ("evil", "einops")), **given)
        assert (told.reason, told.terminal) == ("PackageInvalid", True)
        assert "the index has a wheel of einops==0.8.1" in str(told)
        for left in ("wish", "wheels", "tmp", "anew", "work"):
            shutil.rmtree(tmp_path / left, ignore_errors=True)


async def test_a_version_that_the_index_has_not_is_not_made_up_by_a_build(
    rig: faulty.Rig, stock: package_index.Index, tmp_path: pathlib.Path
) -> None:
    name, data = wheel("made-up", "9")
    does = (
        f"open({str(tmp_path / 'wheels/made' / name)!r}, 'wb').write({data!r})\n"
        f"open({str(tmp_path / 'wheels/lock')!r}, 'a')"
        f".write('made-up==9 --hash=sha256:{'0' * 64}\\n')"
    )
    stock.add(project("evil", "1", does=does))
    told = await refused(rig, stock, tmp_path, "evil")
    assert (told.reason, told.terminal) == ("PackageInvalid", True)
    assert "made-up==9" in str(told)


async def test_a_package_named_after_a_failure_of_networks_is_built(
    rig: faulty.Rig, index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    index.add(project("timeout-decorator", "1"))
    assert (await made(rig, index, tmp_path, "timeout-decorator")).lock_hash


async def test_an_index_that_fails_while_wheels_are_looked_for_has_them_nevertheless(
    rig: faulty.Rig, stock: package_index.Index, tmp_path: pathlib.Path
) -> None:
    """uv asks four times: then it answers again, and would give a source distribution."""
    source = project("einops", "0.8.1")
    stock.add(source)
    stock.troubles.extend([503] * 4)
    told = await refused(rig, stock, tmp_path, file=f"einops==0.8.1 --hash=sha256:{sha256(source)}")
    assert (told.reason, told.terminal) == ("IndexUnreachable", False)
    assert (tmp_path / "wheels/stage").read_text() == "resolve"


async def test_an_index_that_wants_a_login_is_told_with_what_to_do(
    rig: faulty.Rig, tmp_path: pathlib.Path
) -> None:
    with package_index.serve(tmp_path, login=("reader", "hunter2")) as index:
        index.add(project("onlysource", "1.0"))
        told = await refused(rig, index, tmp_path / "root", "onlysource")
    assert (told.reason, told.terminal) == ("IndexUnauthorized", True)
    assert "where no Secret is" in str(told)


async def test_an_index_that_is_down_is_tried_again(
    rig: faulty.Rig, index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    with pytest.raises(failing.BuildFailed) as told:
        await chosen(rig, "http://127.0.0.1:1/simple", tmp_path, "onlysource")
    assert (told.value.reason, told.value.terminal) == ("IndexUnreachable", False)


async def test_an_authority_of_the_settings_is_trusted_where_packages_are_built(
    rig: faulty.Rig, tmp_path: pathlib.Path
) -> None:
    with package_index.serve(tmp_path, tls=True) as index:
        index.add(project("onlysource", "1.0"))
        wish = wishes.read(requirements.Requirements(packages=("onlysource",)), {})
        order = plan.BuildOrder(base=images.NAME, entrypoint=faulty.ENTRYPOINT)
        (ground,) = await rig.builder.grounds("team-a", order)
        known = uv.Index(index.url, authorities=(index.authority,))
        sdists.lay_out(wish, await stocktaking.take(ground), known, root=tmp_path / "root")
        run(tmp_path / "root")
    found = sdists.collected(index.url, tmp_path / "anew", limit=LIMIT, root=tmp_path / "root")
    assert list(found.wheels) == ["onlysource-1.0-py3-none-any.whl"]


async def test_a_base_that_became_another_one_is_begun_again(
    rig: faulty.Rig, stock: package_index.Index, tmp_path: pathlib.Path
) -> None:
    built = await chosen(rig, stock.url, tmp_path, "onlysource")
    einops = roots.metadata("einops", "0.8.1").encode()
    files = {**images.BASE_FILES, f"{images.SITE}/einops-0.8.1.dist-info/METADATA": einops}
    other = faulty.Rig(images.registry(files))
    with pytest.raises(failing.BuildFailed, match="became another one") as told:
        await images.made(other, stock, tmp_path / "work", "onlysource", built=built)
    assert not told.value.terminal


def test_nothing_is_done_after_a_refusal(tmp_path: pathlib.Path) -> None:
    (tmp_path / "wish").mkdir()
    run(tmp_path)
    assert not (tmp_path / "wheels/code").exists()
