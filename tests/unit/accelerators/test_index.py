"""The index says what a look at every node would say, however it came to be."""

from __future__ import annotations

from typing import Any

import hypothesis
from hypothesis import strategies

from tests import places
from trainshed.accelerators import classes, index, nodes, usage

KEYS = {"kind", "shared"}
NAMES = ("a", "b", "c")
BODIES = [
    {"devices": {"nvidia.com/gpu": 1}},
    {"devices": {"nvidia.com/gpu": 1}, "labels_": {"kind": "l4"}},
    {"devices": {"nvidia.com/gpu": 4}, "labels_": {"kind": "l4"}, "ready": False},
    {"devices": {"amd.com/gpu": 2}},
    {"labels_": {"kind": "l4"}},
    {"devices": {"nvidia.com/gpu": 4}, "labels_": {"kind": "l4", "shared": "yes"}},
    {},
]
CLASSES = [
    places.gpu("x"),
    places.gpu("x", node_labels={"kind": "l4"}),
    places.gpu("x", pattern="["),
    places.class_(
        "y",
        "gpu",
        match={
            "anyNodeLabels": [{"kind": "l4"}, {"kind": "t4"}],
            "without": [{"key": "shared", "values": ["yes"]}],
            "resourcePattern": r"nvidia\.com/gpu",
        },
    ),
    places.gpu("y", pattern=r"(amd|nvidia)\.com/gpu"),
]
CHANGES = strategies.lists(
    strategies.one_of(
        strategies.tuples(strategies.sampled_from(NAMES), strategies.sampled_from(BODIES)),
        strategies.tuples(strategies.sampled_from(NAMES), strategies.none()),
        strategies.tuples(strategies.just("class"), strategies.sampled_from(CLASSES)),
        strategies.tuples(strategies.just("no class"), strategies.sampled_from(["x", "y"])),
    ),
    max_size=30,
)


@hypothesis.given(CHANGES)
def test_the_index_is_what_its_nodes_and_classes_are(changes: list[tuple[str, Any]]) -> None:
    found = index.Index()
    there: dict[str, nodes.Shape] = {}
    known: dict[str, classes.Class] = {}
    for what, how in changes:
        match what:
            case "class":
                class_ = classes.read(how)
                changed = known.get(class_.name) != class_
                known[class_.name] = class_
                assert found.put_class(class_) == changed
            case "no class":
                assert found.drop_class(how) == (known.pop(how, None) is not None)
            case name if how is None:
                assert found.drop_node(name) == (there.pop(name, None) is not None)
            case name:
                shape = nodes.shape(places.node(name, **how))
                changed = there.get(name) != shape
                there[name] = shape
                # One that differs by labels that nobody asks for may be as good as the same.
                assert not found.put_node(name, shape) or changed
        found.require(KEYS)
        for class_ in known.values():
            listed = {shape: (resource, n) for shape, resource, n in found.shapes(class_.name)}
            whole = [each.only(KEYS) for each in there.values()]
            assert listed == {
                shape: (class_.resource(shape), whole.count(shape))
                for shape in whole
                if class_.resource(shape) is not None
            }
            bare = [each for each in there.values() if class_.lacks(each)]
            assert found.bare(class_.name) == len(bare)


def test_nodes_that_differ_by_their_names_alone_are_one_shape() -> None:
    found = places.of(
        *(places.node(f"n{each}", memory=f"{32_000_000 + each}Ki") for each in range(50))
    )

    assert [held for _, held in found.every()] == [50]


def test_a_report_that_changes_nothing_is_no_change() -> None:
    found = places.of(places.node("a", {"nvidia.com/gpu": 1}))
    again = places.node("a", {"nvidia.com/gpu": 1})
    again["status"]["conditions"][0]["lastHeartbeatTime"] = "2026-01-01T00:00:00Z"

    assert not found.put_node("a", nodes.shape(again))


def test_devices_in_use_are_counted_by_class_and_job() -> None:
    at = places.of(
        places.gpu("l4", node_labels={"kind": "l4"}),
        places.gpu("any"),
        places.node("a", {"nvidia.com/gpu": 4}, labels_={"kind": "l4"}),
        places.node("b", {"nvidia.com/gpu": 2}),
    )
    found = usage.Usage(at)
    found.put("p1", usage.Use(("team", "one"), "a", "nvidia.com/gpu", 2))
    found.put("p2", usage.Use(("team", "two"), "b", "nvidia.com/gpu", 1))

    assert found.of("l4") == usage.Totals(1, 4, 2)
    assert found.of("l4").holders == {("team", "one"): 2}
    assert found.of("any") == usage.Totals(2, 6, 3)
    assert found.of("any").holders == {("team", "one"): 2, ("team", "two"): 1}
    at.drop_node("b")
    assert found.of("any").in_use == 2
    at.put_node("b", nodes.shape(places.node("b", {"nvidia.com/gpu": 2}, labels_={"kind": "l4"})))
    assert (found.of("any").in_use, found.of("l4").in_use) == (3, 3)
    assert found.put("p2", None)
    assert found.put("p1", None)
    assert not found.put("p1", None)
    assert found.of("l4").free == 6
    assert found.of("no such class") == usage.Totals()


def test_labels_that_nobody_asks_for_make_no_other_shape() -> None:
    found = places.of(*(places.node(f"n{each}", labels_={"serial": str(each)}) for each in "abc"))
    assert [held for _, held in found.every()] == [3]

    found.require({"serial"})

    assert [held for _, held in found.every()] == [1, 1, 1]


def test_labels_that_no_job_has_asked_for_in_a_while_make_no_other_shape() -> None:
    found = places.of(
        *(
            places.node(f"n{each}", {"x/y": 1}, labels_={"serial": each, "kind": "k"})
            for each in "abc"
        ),
        places.gpu("k", "x/y", node_labels={"kind": "k"}),
    )
    found.require({"serial"})

    for each in range(index.ASKED):
        found.require({f"other-{each}"})

    assert [held for _, held in found.every()] == [3]
    assert [held for _, _, held in found.shapes("k")] == [3]


def test_labels_that_jobs_go_on_asking_for_stay() -> None:
    found = places.of(*(places.node(f"n{each}", labels_={"serial": each}) for each in "abc"))

    for each in range(index.ASKED):
        found.require({"serial", f"other-{each}"})

    assert len(list(found.every())) == 3


def test_all_labels_of_one_job_are_told_however_many() -> None:
    marks = {f"key-{each}": "v" for each in range(2 * index.ASKED)}
    found = places.of(places.node("a", labels_=marks))

    found.require(set(marks))

    assert all(shape.label(key) == "v" for shape, _ in found.every() for key in marks)


def test_labels_of_a_class_that_has_gone_make_no_other_shape() -> None:
    found = places.of(
        *(places.node(f"n{each}", {"x/y": 1}, labels_={"serial": each}) for each in "abc"),
        places.gpu("k", "x/y", node_labels={"serial": "a"}),
    )
    assert len(list(found.every())) == 3

    found.put_class(classes.read(places.gpu("k", "x/y")))
    assert [held for _, _, held in found.shapes("k")] == [3]
    found.put_class(classes.read(places.gpu("k", "x/y", node_labels={"serial": "b"})))
    assert [held for _, _, held in found.shapes("k")] == [1]
    found.drop_class("k")

    assert [held for _, held in found.every()] == [3]


def test_a_label_that_no_node_has_moves_no_node() -> None:
    found = places.of(*(places.node(f"n{each}") for each in "abc"))
    moved: list[str] = []
    found.on_move(lambda name, old, new: moved.append(name))

    found.require({"none"})
    assert moved == []
    found.put_node("na", nodes.shape(places.node("na", labels_={"none": "v"})))

    assert moved == ["na"]
    assert sorted(held for _, held in found.every()) == [1, 2]


def test_a_label_that_is_called_like_its_node_is_a_label() -> None:
    found = places.of(
        places.gpu("l4", node_labels={"pool": "l4"}),
        places.node("l4", {"nvidia.com/gpu": 1}, labels_={"pool": "l4", "alone": "l4"}),
    )

    assert [shape.label("pool") for shape, _, _ in found.shapes("l4")] == ["l4"]
    assert [shape.label("alone") for shape, _, _ in found.shapes("l4")] == [None]
