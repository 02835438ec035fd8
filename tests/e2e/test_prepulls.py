"""A base that is pulled ahead, by the real kubelet in a restricted namespace."""

from __future__ import annotations

import pytest

from hack import apiserver
from tests.e2e import conftest
from trainshed.builds import prepulls

CASES = {
    "a base of ours": "trainshed/pytorch:dev",
    "one that does not exist": "trainshed/no-such:1",
}


@pytest.mark.parametrize("image", CASES.values(), ids=CASES)
def test_a_base_is_pulled_and_nothing_is_left(
    namespace: conftest.Namespace, info: conftest.Body, image: str
) -> None:
    """The deadline and the wait before the end are shorter here; all else is as it is."""
    base = f"{info['registry']['pull']}/{image}"
    manifest = prepulls.render(base, namespace=namespace.name, nodes=2, placement={})
    manifest["spec"] |= {"activeDeadlineSeconds": 20, "ttlSecondsAfterFinished": 5}
    name = manifest["metadata"]["name"]
    namespace.api.create(namespace.workloads, manifest, fieldValidation="Strict")

    ended = namespace.api.wait(namespace.workloads, name, _ended, what="the Job to end", seconds=60)

    assert ended["status"].get("succeeded", 0) == (2 if image.endswith("dev") else 0)
    namespace.api.wait_gone(namespace.workloads, name, what="the Job to go", seconds=60)
    pods = apiserver.PODS.format(namespace=namespace.name)
    assert [each for each in namespace.api.get(pods)["items"] if not _going(each)] == []


def _ended(job: conftest.Body) -> bool:
    return any(conftest.condition(job["status"], each) for each in ("Complete", "Failed"))


def _going(pod: conftest.Body) -> bool:
    return "deletionTimestamp" in pod["metadata"]
