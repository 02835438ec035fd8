"""The pod of a source with extensions: which container may see and do what.

`TRAINSHED_GOLDEN=write pytest tests/unit/builds` writes the golden file anew.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
from typing import Any

import pytest
import yaml

from tests import builders, facts
from trainshed.api import labels, security
from trainshed.builds import compilers, dockerfiles, orders, pods
from trainshed.builds import requirements as packages

GOLDEN = pathlib.Path(__file__).parent / "golden" / "compile.yaml"
DEVEL = "registry/pytorch-devel:1"
GIT = orders.Git("https://git.example/a.git", "main", ".", submodules=False, secret="key")
WANTED = packages.Requirements(packages=("einops",), secret="index")


def spec_of(**fields: Any) -> dict[str, Any]:
    order = facts.pod_order(compile=DEVEL, **fields)
    given = pods.Surroundings(
        image="registry/builder:1",
        settings="{}",
        resources={"limits": {"memory": "2Gi"}},
        pull_secret="shared",
        tokens=True,
    )
    job = pods.render(order, namespace="ns", given=given, secrets=pods.Secrets("push", ("one",)))
    found: dict[str, Any] = json.loads(json.dumps(job))["spec"]["template"]["spec"]
    return found


def containers(**fields: Any) -> dict[str, Any]:
    spec = spec_of(**fields)
    return {each["name"]: each for each in (*spec["initContainers"], *spec["containers"])}


def mounts(name: str, **fields: Any) -> dict[str, bool]:
    """Return the volumes of a container, and whether it may write to them."""
    found = containers(**fields)[name]["volumeMounts"]
    return {each["name"]: not each.get("readOnly") for each in found}


def test_the_pod_is_as_it_was() -> None:
    found = spec_of(git=GIT, requirements=WANTED)
    if os.environ.get("TRAINSHED_GOLDEN") == "write":
        GOLDEN.write_text(yaml.safe_dump(found, sort_keys=False), encoding="utf-8")
    assert found == yaml.safe_load(GOLDEN.read_text(encoding="utf-8"))


def test_the_compiler_sees_the_code_and_writes_to_volumes_of_its_own_alone() -> None:
    found = mounts(labels.COMPILER, git=GIT, requirements=WANTED)
    assert found == {"work": False, "scratch": True, "compiled": True}


def test_each_secret_is_seen_by_the_step_that_needs_it_and_by_no_other() -> None:
    held = {"git", "push", "index", "operator-token", "registry-token"}
    fetch, builder = (
        mounts(name, git=GIT, requirements=WANTED) for name in (labels.FETCHER, labels.BUILDER)
    )
    assert held & fetch.keys() == {"git"}
    assert held & builder.keys() == held - {"git"}


def test_what_pulls_an_artifact_has_the_registrys_token() -> None:
    artifact = orders.Oci(ref="registry/code:1", secret="")
    assert "registry-token" in mounts(labels.FETCHER, oci=artifact)


def test_only_the_first_step_sees_a_claim() -> None:
    claim = orders.Claim(name="code", path=".")
    names = (labels.FETCHER, labels.COMPILER, labels.BUILDER)
    assert ["claim" in mounts(each, claim=claim) for each in names] == [True, False, False]


def test_the_builder_can_change_nothing_of_what_was_compiled_and_shares_no_tmp() -> None:
    assert mounts(labels.BUILDER)["compiled"] is False
    assert "scratch" not in mounts(labels.BUILDER)
    assert "tmp" not in mounts(labels.COMPILER)


def test_no_container_may_do_more_than_restricted_pods() -> None:
    may = [each["securityContext"] for each in containers().values()]
    assert may == [security.container()] * 3
    spec = spec_of()
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"] == security.pod(pods.UID)


def test_a_job_with_nothing_to_compile_has_one_container() -> None:
    job = pods.render(
        facts.pod_order(), namespace="ns", given=pods.Surroundings(image="b", settings="{}")
    )
    assert "initContainers" not in job["spec"]["template"]["spec"]


def test_the_development_image_is_part_of_what_is_shared() -> None:
    one, other = (facts.pod_order(compile=each) for each in ("a@sha256:1", "a@sha256:2"))
    assert len({one.hash(), other.hash(), facts.pod_order().hash()}) == 3
    assert orders.load(one.dump()) == one


@pytest.mark.parametrize(("devel", "pinned"), [("a@sha256:1", True), ("a:1", False), ("", True)])
def test_an_order_is_pinned_where_its_development_image_is(devel: str, pinned: bool) -> None:
    assert facts.pod_order(base=f"{builders.BASE}@sha256:0", compile=devel).pinned is pinned


def test_the_script_does_nothing_after_a_refusal_and_tells_the_builds_code(
    tmp_path: pathlib.Path,
) -> None:
    """The script of the container, with its folders elsewhere and another program for pip."""
    (tmp_path / "work/context").mkdir(parents=True)
    (tmp_path / "compiled").mkdir()
    (tmp_path / "work/context/setup.py").write_text("")
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/python3"
    program.write_text("#!/bin/sh\nls; echo said >&2; exit 3\n")
    program.chmod(0o755)
    _, _, script = containers()[labels.COMPILER]["command"]
    for folder in ("/work/", "/compiled/", "/tmp/tree"):
        script = script.replace(folder, f"{tmp_path}{folder}")

    def run() -> int:
        given = {"PATH": f"{tmp_path}/bin:/usr/bin:/bin", "HOME": f"{tmp_path}/tmp/home"}
        return subprocess.run(["/bin/sh", "-c", script], env=given, check=False).returncode

    refusal = tmp_path / dockerfiles.REFUSAL.lstrip("/")
    refusal.write_text("{}")
    assert run() == 0
    assert not (tmp_path / compilers.CODE.lstrip("/")).exists()
    refusal.unlink()
    assert run() == 0
    assert (tmp_path / compilers.CODE.lstrip("/")).read_text() == "3\n"
    assert (tmp_path / compilers.LOG.lstrip("/")).read_text() == "setup.py\nsaid\n"
