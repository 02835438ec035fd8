import pathlib

import pytest

from hack.images import machine, sources

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
