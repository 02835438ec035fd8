"""What the API server says of the cluster, read without a node's whole object."""

from typing import Any

import pytest

from tests.unit.kube import store
from trainshed.core import mounting
from trainshed.kube import cluster, errors

PATH = "/api/v1/nodes?labelSelector=a%3Db&includeObject=None&limit=500"
COLUMNS = ["Name", "Status", "Version", "Kernel", "Container-Runtime"]


def table(*rows: list[Any], more: str = "") -> dict[str, Any]:
    return {
        "kind": "Table",
        "metadata": {"continue": more} if more else {},
        "columnDefinitions": [{"name": each} for each in COLUMNS],
        "rows": [{"cells": each} for each in rows],
    }


def asked(**documents: Any) -> cluster.Cluster:
    fake = store.Store()
    fake.documents.update(documents)
    return cluster.Cluster(fake)


async def test_the_servers_version_is_read() -> None:
    assert await asked(**{"/version": {"gitVersion": "v1.36.2"}}).server_version() == "v1.36.2"


async def test_nodes_are_read_page_by_page() -> None:
    pages = {
        PATH: table(["a", "Ready", "v1.36.1", "6.1", "containerd://2.1.4"], more="next"),
        f"{PATH}&continue=next": table(["b", "NotReady", "v1.35.0", "6.1", "cri-o://1.31.0"]),
    }

    assert await asked(**pages).nodes("a=b") == [
        mounting.Node("a", "v1.36.1", "containerd://2.1.4"),
        mounting.Node("b", "v1.35.0", "cri-o://1.31.0"),
    ]


@pytest.mark.parametrize(
    "answer",
    [{}, [], {"columnDefinitions": [{"name": "Name"}], "rows": []}, table(["a"]), table(None)],  # type: ignore[arg-type]
)
async def test_an_answer_that_is_no_such_table_is_no_answer(answer: Any) -> None:
    with pytest.raises(errors.Unavailable):
        await asked(**{PATH: answer}).nodes("a=b")
