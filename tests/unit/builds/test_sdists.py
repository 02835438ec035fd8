"""The pod of packages that may be built: which container may see and do what.

`TRAINSHED_GOLDEN=write pytest tests/unit/builds` writes the golden file anew.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
from typing import Any

import pytest
import yaml

from tests import builders, facts
from trainshed.api import labels, security
from trainshed.builds import orders, pods, sdists
from trainshed.builds import requirements as packages

GOLDEN = pathlib.Path(__file__).parent / "golden" / "sdists.yaml"
DEVEL = "registry/pytorch-devel:1"
GIT = orders.Git("https://git.example/a.git", "main", ".", submodules=False, secret="key")
WANTED = packages.Requirements(packages=("einops==0.8.1",), wheels_only=False)


def order_of(**fields: Any) -> orders.Order:
    return facts.pod_order(**{"requirements": WANTED, **fields})


def spec_of(**fields: Any) -> dict[str, Any]:
    given = pods.Surroundings(
        image="registry/builder:1",
        settings="{}",
        resources={"limits": {"memory": "2Gi"}},
        pull_secret="shared",
        tokens=True,
    )
    secrets = pods.Secrets("push", ("one",))
    job = pods.render(order_of(**fields), namespace="ns", given=given, secrets=secrets)
    found: dict[str, Any] = json.loads(json.dumps(job))["spec"]["template"]["spec"]
    return found


def containers(**fields: Any) -> dict[str, Any]:
    spec = spec_of(**fields)
    return {each["name"]: each for each in (*spec.get("initContainers", ()), *spec["containers"])}


def mounts(name: str, **fields: Any) -> dict[str, bool]:
    """Return the volumes of a container, and whether it may write to them."""
    found = containers(**fields)[name]["volumeMounts"]
    return {each["name"]: not each.get("readOnly") for each in found}


def test_the_pod_is_as_it_was() -> None:
    found = spec_of(git=GIT, wheels_in=DEVEL)
    if os.environ.get("TRAINSHED_GOLDEN") == "write":
        GOLDEN.write_text(yaml.safe_dump(found, sort_keys=False), encoding="utf-8")
    assert found == yaml.safe_load(GOLDEN.read_text(encoding="utf-8"))


def test_what_runs_code_of_packages_sees_no_secret_and_nothing_of_the_job_but_its_wish() -> None:
    found = mounts(labels.WHEELS, git=GIT)
    assert found == {"wish": False, "wheels-tmp": True, "wheels": True}


def test_its_volumes_are_no_other_containers_to_write_to() -> None:
    fetch, builder = (mounts(name, git=GIT) for name in (labels.FETCHER, labels.BUILDER))
    assert "wheels" not in fetch
    assert (fetch["wish"], builder["wish"], builder["wheels"]) == (True, False, False)
    assert "wheels-tmp" not in {**fetch, **builder}


def test_the_first_step_reads_the_base_and_the_last_one_pushes() -> None:
    fetch, builder = (mounts(name, git=GIT) for name in (labels.FETCHER, labels.BUILDER))
    held = {"git", "push", "index", "registry-token", "operator-token"}
    assert held & fetch.keys() == {"git", "push", "registry-token"}
    assert held & builder.keys() == {"push", "registry-token", "operator-token"}


def test_no_container_may_do_more_than_restricted_pods() -> None:
    may = [each["securityContext"] for each in containers().values()]
    assert may == [security.container()] * 3
    spec = spec_of()
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"] == security.pod(pods.UID)


@pytest.mark.parametrize(
    ("devel", "image"), [(DEVEL, DEVEL), ("", "registry/builder:1")], ids=["named", "none"]
)
def test_packages_are_built_in_the_development_image_where_there_is_one(
    devel: str, image: str
) -> None:
    assert containers(wheels_in=devel)[labels.WHEELS]["image"] == image


def test_extensions_are_compiled_before_packages_are_built_and_neither_sees_the_other() -> None:
    names = list(containers(git=GIT, compile=DEVEL))
    assert names == [labels.FETCHER, labels.COMPILER, labels.WHEELS, labels.BUILDER]
    compiler, wheels, builder = (
        mounts(name, git=GIT, compile=DEVEL)
        for name in (labels.COMPILER, labels.WHEELS, labels.BUILDER)
    )
    assert compiler == {"work": False, "scratch": True, "compiled": True}
    assert wheels == {"wish": False, "wheels-tmp": True, "wheels": True}
    assert (builder["compiled"], builder["wheels"]) == (False, False)


def test_packages_of_wheels_alone_have_no_further_container() -> None:
    assert list(containers(requirements=dataclasses.replace(WANTED, wheels_only=True))) == [
        labels.BUILDER
    ]


def test_the_pod_runs_on_a_node_of_the_platform_that_is_built_for() -> None:
    node = {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
    assert spec_of()["nodeSelector"] == node


def test_volumes_are_bounded_by_what_packages_may_have() -> None:
    found = {each["name"]: each["emptyDir"] for each in spec_of()["volumes"] if "emptyDir" in each}
    most = pods.Surroundings(image="", settings="").packages_bytes
    assert found["wheels"] == {"sizeLimit": str(most)}
    assert found["wheels-tmp"] == {"sizeLimit": str(most + sdists.ROOM)}


def test_whether_packages_may_be_built_and_in_what_is_part_of_what_is_shared() -> None:
    plain = order_of(requirements=dataclasses.replace(WANTED, wheels_only=True))
    found = [plain, order_of(), *(order_of(wheels_in=each) for each in ("a@sha256:1", "a:2"))]
    assert len({each.hash() for each in found}) == 4
    assert orders.load(found[-1].dump()) == found[-1]


@pytest.mark.parametrize(("devel", "pinned"), [("a@sha256:1", True), ("a:1", False), ("", True)])
def test_an_order_is_pinned_where_the_image_is_that_packages_are_built_in(
    devel: str, pinned: bool
) -> None:
    assert order_of(base=f"{builders.BASE}@sha256:0", wheels_in=devel).pinned is pinned
