"""The list of what an image contains: valid by CycloneDX's own schema, whatever is in it."""

import functools
import json
from typing import Any

import packageurl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainshed.builds import bom, provenance

DIGEST, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64
HASH = "c" * 64
LOCK = f"""\
# of uv
einops==0.8.1 \\
    --hash=sha256:{"1" * 64} \\
    --hash=sha256:{"2" * 64}
ruamel.yaml[jinja2]==0.18 ; python_version >= '3.9' \\
    --hash=sha256:{"3" * 64}
local_Pkg==1.0+cpu
"""


def contents(**fields: Any) -> bom.Contents:
    known: dict[str, Any] = {
        "image": "registry.example:5000/trainshed/ns/team-a",
        "digest": DIGEST,
        "base": "registry.example:5000/trainshed/pytorch",
        "base_digest": OTHER,
        "library": HASH,
        "source": "d" * 64,
    }
    return bom.Contents(**{**known, **fields})


@functools.cache
def _validator() -> Any:
    # Imported here alone: it makes dozens of parsers, for seconds, in each process that collects.
    from cyclonedx import schema
    from cyclonedx.validation import json as validation

    return validation.JsonStrictValidator(schema.SchemaVersion.V1_6)


def fits(text: str) -> bool:
    """Return whether a document fits the schema."""
    return _validator().validate_str(text) is None


def read(found: bom.Contents) -> dict[str, Any]:
    """Return the document, which must fit the schema."""
    text = bom.compose(found).decode()
    assert fits(text)
    document: dict[str, Any] = json.loads(text)
    return document


def component(document: dict[str, Any], ref: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in document["components"] if each["bom-ref"] == ref)
    return found


def test_an_image_is_its_base_the_library_and_the_code() -> None:
    document = read(contents())

    assert [each["bom-ref"] for each in document["components"]] == ["base", "library", "source"]
    assert document["dependencies"] == [
        {"ref": "image", "dependsOn": ["base", "library", "source"]}
    ]
    assert component(document, "base")["version"] == OTHER
    assert document["metadata"]["component"]["version"] == DIGEST


def test_a_built_in_model_has_no_code_of_its_own() -> None:
    document = read(contents(source=""))

    assert [each["bom-ref"] for each in document["components"]] == ["base", "library"]


def test_where_code_is_from_is_said() -> None:
    marks = provenance.of_git("https://git.example/team/train.git", "e" * 40)

    source = component(read(contents(marks=marks)), "source")

    assert source["version"] == "e" * 40
    assert source["externalReferences"] == [
        {"type": "vcs", "url": "https://git.example/team/train.git"}
    ]


def test_what_nobody_has_looked_at_is_not_called_complete() -> None:
    def told(document: dict[str, Any]) -> str:
        (property_,) = document["metadata"]["component"]["properties"]
        return str(property_["value"])

    assert told(read(contents())) == "unknown"
    known = read(contents(packages={"linux/amd64": bom.Packages((), ())}))
    assert told(known) == "python"
    assert known["compositions"] == [{"aggregate": "incomplete", "assemblies": ["image"]}]


def test_packages_have_their_url_their_origin_and_the_files_that_they_may_be_of() -> None:
    packages = bom.Packages(
        base=[bom.Package("NumPy", "2.1.0")], added=[bom.Package("Foo_Bar", "1.0+cpu", (HASH,))]
    )

    document = read(contents(packages={"linux/amd64": packages}))

    assert component(document, "pkg:pypi/numpy@2.1.0")["properties"] == [
        {"name": "trainshed:from", "value": "base"},
        {"name": "trainshed:platform", "value": "linux/amd64"},
    ]
    added = component(document, "pkg:pypi/foo-bar@1.0%2Bcpu#requirements")
    assert added["externalReferences"][0]["hashes"] == [{"alg": "SHA-256", "content": HASH}]
    assert packageurl.PackageURL.from_string(added["purl"]).version == "1.0+cpu"


def test_a_package_of_two_platforms_is_one_that_names_both() -> None:
    amd, arm = (bom.Packages((), [bom.Package("numpy", "2.1", (each * 64,))]) for each in "12")

    document = read(contents(packages={"linux/arm64": arm, "linux/amd64": amd}))

    (found,) = (each for each in document["components"] if each["name"] == "numpy")
    assert [each["value"] for each in found["properties"]] == [
        "requirements",
        "linux/amd64",
        "linux/arm64",
    ]
    assert len(found["externalReferences"][0]["hashes"]) == 2


def test_a_lock_gives_its_packages_and_their_hashes() -> None:
    assert bom.locked(LOCK) == [
        bom.Package("einops", "0.8.1", ("1" * 64, "2" * 64)),
        bom.Package("ruamel.yaml", "0.18", ("3" * 64,)),
        bom.Package("local_Pkg", "1.0+cpu"),
    ]
    assert bom.locked("") == []


@pytest.mark.parametrize(
    ("image", "name", "where"),
    [
        ("registry.example:5000/a/b", "b", "registry.example:5000/a/b"),
        ("registry.example/b", "b", "registry.example/b"),
        ("[::1]:5000/b", "b", "[::1]:5000/b"),
    ],
)
def test_an_image_has_a_url_that_tools_read(image: str, name: str, where: str) -> None:
    found = read(contents(image=image))["metadata"]["component"]["purl"]

    url = packageurl.PackageURL.from_string(found)
    assert (url.type, url.name, url.version) == ("oci", name, DIGEST)
    assert url.qualifiers == {"repository_url": where}


WORD = st.from_regex(r"\A[A-Za-z0-9]([A-Za-z0-9._-]{0,10}[A-Za-z0-9])?\Z")
VERSION = st.from_regex(r"\A[0-9]{1,3}(\.[0-9]{1,3}){0,2}(\+[a-z0-9]{1,5})?\Z")
PACKAGE = st.builds(bom.Package, WORD, VERSION, st.just((HASH,)) | st.just(()))
PACKAGES = st.lists(PACKAGE, max_size=3)


# The schema's own grammar of URLs takes longer than anything else here.
@settings(max_examples=settings().max_examples // 4)
@given(PACKAGES, PACKAGES, PACKAGES)
def test_whatever_is_in_an_image_its_list_fits_the_schema_and_is_the_same_each_time(
    base: list[bom.Package], added: list[bom.Package], other: list[bom.Package]
) -> None:
    def made(order: int) -> bytes:
        amd = bom.Packages(base[::order], added[::order])
        platforms = {"linux/amd64": amd, "linux/arm64": bom.Packages(other[::order], ())}
        return bom.compose(contents(packages=dict(sorted(platforms.items())[::order])))

    assert fits(made(1).decode())
    for each in json.loads(made(1))["components"]:
        packageurl.PackageURL.from_string(each.get("purl", "pkg:generic/x"))
    assert json.loads(made(1))["components"] == json.loads(made(-1))["components"]
