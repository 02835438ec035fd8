import dataclasses
import pathlib

import pytest

from hack.images import errors, machine, rootfs, sources
from tests.unit.hack import images_fakes

STANZAS = """\
# A comment
Types: deb deb-src
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/security
Suites: bookworm-security
Components:
 main
 contrib
"""
LINES = """\
# deb http://commented.example/debian trixie main
deb [signed-by=/a.gpg arch=amd64] https://mirror.example/debian trixie main contrib
deb-src https://mirror.example/debian trixie main
deb https://mirror.example/security trixie-security main
"""
NONE = (None, None)
DUMPED = """\
APT::Architecture "amd64";
Acquire::Check-Date "false";
Acquire::http::Proxy "http://proxy.example:3128";
Acquire::https::mirror.example::Proxy "DIRECT";
Acquire::cdrom::mount "/media/cdrom/";
Acquire::Languages:: "en";
DPkg::Post-Invoke:: "rm -f /var/cache/apt/archives/*.deb || true";
"""


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (
            "debian.sources",
            STANZAS,
            ("http://mirror.example/debian", "http://mirror.example/security"),
        ),
        (
            "sources.list",
            LINES,
            ("https://mirror.example/debian", "https://mirror.example/security"),
        ),
        ("off.sources", STANZAS.partition("\n\n")[0].replace("# A c", "Enabled: no\n# C"), NONE),
        ("empty.list", "", NONE),
        ("other.list", "deb http://node.example nodistro main\n", ("http://node.example", None)),
        ("disc.list", "deb cdrom:[Debian]/ trixie main\n", NONE),
    ],
)
def test_mirrors_are_found_in_both_of_apts_formats(
    name: str, text: str, expected: tuple[str | None, str | None]
) -> None:
    assert sources.mirrors(sources.parse(name, text)) == expected


def test_only_how_packages_are_fetched_is_carried() -> None:
    assert machine.fetching(DUMPED.splitlines()) == (
        'Acquire::Check-Date "false";\n'
        'Acquire::http::Proxy "http://proxy.example:3128";\n'
        'Acquire::https::mirror.example::Proxy "DIRECT";\n'
    )


def test_the_environments_index_comes_before_the_files(tmp_path: pathlib.Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text("[global]\nindex-url = https://first.example/simple\ntrusted-host = a b\n")
    second.write_text("[global]\nindex-url = https://second.example/%(x)s\ncert = /a.pem\n")
    files = [first, tmp_path / "missing", second]
    assert machine.index(files, {})["index-url"] == "https://second.example/%(x)s"
    found = machine.index(files, {"PIP_INDEX_URL": "https://own.example/simple"})
    assert found == {"index-url": "https://own.example/simple", "trusted-host": "a b"}


def test_pip_and_uv_are_told_the_same_index() -> None:
    found = {"index-url": "https://a.example/simple", "extra-index-url": "https://b.example/x"}
    assert machine.pip_configuration(found) == (
        "[global]\nindex-url = https://a.example/simple\nextra-index-url = https://b.example/x\n\n"
    )
    assert machine.uv_configuration({**found, "trusted-host": "a.example"}) == (
        'allow-insecure-host = ["a.example"]\n'
        '[[index]]\nurl = "https://a.example/simple"\ndefault = true\n'
        '[[index]]\nurl = "https://b.example/x"\ndefault = false\n'
    )


def test_without_settings_nothing_is_written() -> None:
    assert machine.pip_configuration({}) == machine.uv_configuration({}) == ""


def test_a_bundle_is_split_into_its_certificates() -> None:
    one = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    two = one.replace("AAAA", "BBBB")
    assert machine.certificates(f"# first\n{one}\n# second\n{two}") == [one, two]


SECRET = "s3cr3t"
HOSTILE = {
    "an index in the environment": {"PIP_INDEX_URL": f"https://ann:{SECRET}@index.example/simple"},
    "a token alone": {"PIP_INDEX_URL": f"https://{SECRET}@index.example/simple"},
    "a second index": {
        "PIP_EXTRA_INDEX_URL": f"https://a.example/x https://ann:{SECRET}@b.example"
    },
    "an escaped password": {"PIP_INDEX_URL": f"https://ann:%2F{SECRET}@index.example/simple"},
    "a host with a user": {"PIP_TRUSTED_HOST": f"ann:{SECRET}@index.example"},
}
PROXIES = (
    f'Acquire::http::Proxy "http://ann:{SECRET}@proxy.example:3128";',
    f'Acquire::https::Proxy "ann:{SECRET}@proxy.example:3128";',
    f'Acquire::https::mirror.example::Proxy "https://{SECRET}@proxy.example";',
)
ELSEWHERE = {
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "HTTPS_PROXY": f"http://ann:{SECRET}@proxy.example:3128",
    "UV_INDEX_URL": f"https://ann:{SECRET}@index.example/simple",
    "UV_INDEX_PRIVATE_PASSWORD": SECRET,
}


def of(home: pathlib.Path, dumped: str = "", **environment: str) -> machine.Machine:
    """Return what is read of a machine with this home, apt's settings and environment."""
    run = images_fakes.Programs({"apt-config dump": dumped})
    return machine.read(run=run, environment={"HOME": str(home), **environment})


@pytest.mark.parametrize("environment", HOSTILE.values(), ids=HOSTILE.keys())
def test_an_index_with_credentials_is_refused_without_saying_them(
    tmp_path: pathlib.Path, environment: dict[str, str]
) -> None:
    with pytest.raises(errors.Refused, match=r"package index.*BASE=debian:trixie") as caught:
        of(tmp_path, **environment)
    assert SECRET not in str(caught.value)


def test_a_file_with_credentials_is_refused(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "pip.conf"
    file.write_text(f"[global]\nindex-url = https://ann:{SECRET}@index.example/simple\n")
    with pytest.raises(errors.Refused, match="package index"):
        of(tmp_path, PIP_CONFIG_FILE=str(file))


@pytest.mark.parametrize("line", PROXIES)
def test_a_proxy_with_credentials_is_refused(tmp_path: pathlib.Path, line: str) -> None:
    with pytest.raises(errors.Refused, match="apt's proxy"):
        of(tmp_path, line)


@pytest.mark.parametrize("field", ["mirror", "security"])
def test_a_mirror_with_credentials_is_refused(field: str) -> None:
    given = {field: f"http://ann:{SECRET}@mirror.example/debian"}
    with pytest.raises(errors.Refused, match="apt's sources"):
        machine.refuse_secrets(dataclasses.replace(machine.Machine(), **given))  # type: ignore[arg-type]


def test_addresses_without_a_user_are_carried(tmp_path: pathlib.Path) -> None:
    given = {"PIP_INDEX_URL": "https://a.example/@team/simple", "PIP_TRUSTED_HOST": "a.example"}
    assert "https://a.example/@team/simple" in of(tmp_path, DUMPED, **given).pip


def test_no_secret_of_the_environment_gets_into_the_image(tmp_path: pathlib.Path) -> None:
    settings = [f'Acquire::http::User "{SECRET}";', f'Acquire::http::Proxy-Auth "{SECRET}";']
    tree = tmp_path / "tree"
    rootfs.carry(tree, of(tmp_path, "\n".join([DUMPED, *settings]), **ELSEWHERE))
    written = "".join(path.read_text() for path in tree.rglob("*") if path.is_file())
    assert "proxy.example:3128" in written
    assert SECRET not in written
