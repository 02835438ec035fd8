"""Whether a cluster mounts images: never taken for granted, and what speaks against it is said."""

import pytest

from trainshed.core import mounting

ABLE = mounting.Node("able", "v1.36.1", "containerd://2.1.4")
OLD_RUNTIME = mounting.Node("old", "v1.36.1", "containerd://1.6.20~ds1")


def message(server: str, *nodes: mounting.Node) -> str:
    refusal = mounting.refused(server, nodes)
    assert refusal is not None
    assert (refusal.reason, refusal.terminal) == ("DeliveryUnsupported", True)
    return refusal.message


@pytest.mark.parametrize(
    ("server", "nodes"),
    [
        ("v1.36.2", [ABLE]),
        ("v1.35.0-gke.100", [ABLE, ABLE]),
        ("v2.0.0", [ABLE]),
        ("v1.36.2", [mounting.Node("a", "v1.35.0", "containerd://2.2.0-rc.1")]),
        ("v1.36.2", [mounting.Node("a", "v1.40.0+k3s1", "containerd://3.0.0")]),
        ("v1.36.2", [mounting.Node("a", "v1.36.0", "cri-o://1.31.0")]),
        ("v1.36.2", []),
    ],
    ids=["stable", "on by default", "later", "a candidate", "later ones", "cri-o", "no node yet"],
)
def test_a_cluster_that_can_is_taken(server: str, nodes: list[mounting.Node]) -> None:
    assert mounting.refused(server, nodes) is None


@pytest.mark.parametrize(
    ("server", "nodes", "said"),
    [
        ("v1.34.9", [ABLE], "the API server is v1.34.9"),
        ("None", [ABLE], "the API server is None"),
        ("v1.36.2", [ABLE, OLD_RUNTIME], "node old runs containerd://1.6.20~ds1"),
        (
            "v1.36.2",
            [mounting.Node("d", "v1.36.1", "docker://27.0")],
            "node d runs docker://27.0, and containerd 2.1 and cri-o 1.31 can",
        ),
        ("v1.36.2", [mounting.Node("c", "v1.36.1", "cri-o://1.30.9")], "cri-o://1.30.9"),
        ("v1.36.2", [mounting.Node("x", "v1.36.1", "")], "node x runs"),
        (
            "v1.36.2",
            [mounting.Node("k", "v1.34.3", "containerd://2.1.0")],
            "the kubelet of node k is v1.34.3",
        ),
    ],
)
def test_whatever_can_not_is_named(server: str, nodes: list[mounting.Node], said: str) -> None:
    assert said in message(server, *nodes)


def test_how_many_nodes_it_is_about_is_said() -> None:
    assert "2 of 3 nodes" in message("v1.36.0", OLD_RUNTIME, ABLE, OLD_RUNTIME)


def test_what_can_not_be_told_is_refused_but_may_pass() -> None:
    refusal = mounting.unknown("nodes is forbidden")

    assert "nodes is forbidden" in refusal.message
    assert not refusal.terminal
