"""The CRD: what the API server demands of a schema, and what people may expect of one."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from hack.crds import __main__ as crds
from tests.unit.core import structural
from trainshed.api import crd, labels

Node = Mapping[str, Any]
DOCUMENT = structural.DOCUMENT
(VERSION,) = DOCUMENT["spec"]["versions"]
ROOT: Node = VERSION["schema"]["openAPIV3Schema"]
METADATA = {"apiVersion", "kind", "metadata"}


def walk(node: Node, path: str = "") -> Iterator[tuple[str, Node]]:
    """Yield every schema below a schema, with its path."""
    yield path, node
    for name, each in node.get("properties", {}).items():
        yield from walk(each, f"{path}.{name}")
    if isinstance(node.get("items"), dict):
        yield from walk(node["items"], f"{path}[]")
    if isinstance(node.get("additionalProperties"), dict):
        yield from walk(node["additionalProperties"], f"{path}{{}}")


NODES = dict(walk(ROOT))
FIELDS = {
    path: node
    for path, node in NODES.items()
    if path and not path.endswith(("[]", "{}")) and path.split(".")[1] not in METADATA
}
RULES = [
    (path, rule)
    for path, node in NODES.items()
    for rule in node.get("x-kubernetes-validations", ())
]


def test_the_committed_crd_is_the_models_and_each_rendering_the_same() -> None:
    rendered = crds.rendered()
    committed = {path: path.read_text(encoding="utf-8") for path in rendered}

    assert committed == rendered, "run `make crds`"
    assert crd.render() == DOCUMENT


def test_the_names_are_the_apis() -> None:
    names = DOCUMENT["spec"]["names"]

    assert DOCUMENT["metadata"]["name"] == "trainingjobs.trainshed.dev"
    assert (names["kind"], names["plural"], names["shortNames"]) == (
        labels.KIND,
        labels.PLURAL,
        ["tj"],
    )
    assert VERSION["subresources"] == {"status": {}}


def test_a_class_has_a_short_name_that_kueue_does_not_take() -> None:
    # Kueue's AdmissionChecks are `ac`.
    assert crd.classes()["spec"]["names"]["shortNames"] == ["ac", "accel"]


def test_every_field_has_a_description() -> None:
    silent = [p for p, node in FIELDS.items() if not node.get("description", "").endswith(".")]

    assert FIELDS
    assert silent == []


def test_every_schema_is_structural() -> None:
    for path, node in NODES.items():
        _assert_structural(path, node)


def _assert_structural(path: str, node: Node) -> None:
    assert not {"$ref", "$defs", "title", "const", "anyOf", "oneOf", "allOf"} & set(node) or (
        node.get("x-kubernetes-int-or-string")
    ), path
    kind = node.get("type")
    if node.get("x-kubernetes-int-or-string"):
        assert kind is None, path
        assert node["anyOf"] == [{"type": "integer"}, {"type": "string"}], path
        return
    assert kind in ("object", "array", "string", "integer", "number", "boolean"), path
    assert ("items" in node) == (kind == "array"), path
    if kind == "object" and path not in ("", ".metadata"):
        shapes = {"properties", "additionalProperties", "x-kubernetes-preserve-unknown-fields"}
        assert len(shapes & set(node)) == 1, path
    assert node.get("default", "") is not None, path


def test_every_list_of_the_spec_is_bounded() -> None:
    # Without a bound the API server can't put a cost to the rules over a list.
    lists = {p: n for p, n in NODES.items() if p.startswith(".spec") and n.get("type") == "array"}

    assert lists
    assert [path for path, node in lists.items() if not node.get("maxItems")] == []


def test_every_rule_says_what_to_do() -> None:
    assert RULES
    for path, rule in RULES:
        assert set(rule) == {"rule", "message"}, path
        assert len(rule["message"]) > 20, path


def test_conditions_are_a_map_by_type() -> None:
    conditions = NODES[".status.conditions"]

    assert conditions["x-kubernetes-list-type"] == "map"
    assert conditions["x-kubernetes-list-map-keys"] == ["type"]


@pytest.mark.parametrize(
    "path", [".spec.training.batchSize", ".spec.data.split.seed", ".spec.source.entrypoint"]
)
def test_defaults_are_the_api_servers_to_fill_in(path: str) -> None:
    assert "default" in NODES[path]


@pytest.mark.parametrize("column", VERSION["additionalPrinterColumns"], ids=lambda c: c["name"])
def test_every_printer_column_shows_a_field(column: Node) -> None:
    path = column["jsonPath"].partition("[?")[0]

    assert path in NODES or path.startswith(".metadata."), path


def test_only_free_form_fields_keep_what_they_do_not_know() -> None:
    free = [p for p, node in NODES.items() if node.get("x-kubernetes-preserve-unknown-fields")]

    assert free == [".spec.params", ".spec.pod.affinity"]
