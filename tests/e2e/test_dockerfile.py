"""Images from Dockerfiles: built by buildah without root, run as any other, or refused."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from hack import apiserver
from tests import facts, namespaces
from tests.e2e import conftest
from tests.e2e import judges as judging
from trainshed.builds import dockerfiles, embedding, pods

BUILDKIT = os.environ.get("TRAINSHED_BUILDKIT_IMAGE", "")
"""One that pods can pull: no registry here has it, and building it takes minutes."""
REASON_SECONDS = 90.0
BUILD_SECONDS = 240.0
LABEL = "trainshed.dev/dockerfile-builds"
LEVEL = "pod-security.kubernetes.io/enforce"
CODE = """\
import os, pathlib, trainshed_trainer
made = pathlib.Path("/opt/made").read_text().strip()
print(f"found {made}, as {os.getuid()}, with {trainshed_trainer.Run.__name__}")
"""


@pytest.fixture
def base(info: conftest.Body) -> str:
    """Return an image with Python alone, as pods name it."""
    return f"{info['registry']['pull']}/trainshed/base:dev"


def marked(namespace: conftest.Namespace, **marks: str) -> None:
    """Put labels on a namespace."""
    path = f"{namespaces.PATH}/{namespace.name}"
    namespace.api.request("PATCH", path, {"metadata": {"labels": marks}})


@pytest.fixture
def open_namespace(
    api: apiserver.ApiServer, judges: judging.Judges
) -> Iterator[conftest.Namespace]:
    """Return a namespace in which Dockerfiles are built; its images are judged at the end."""
    found = conftest.create_namespace(api)
    marked(found, **{LABEL: "true", LEVEL: "privileged"})
    yield found
    try:
        judges.judge(found)
    finally:
        found.delete()


def job(base: str, steps: str, *, files: dict[str, str] | None = None, **asked: Any) -> Any:
    """Return the spec of a job with a Dockerfile."""
    dockerfile = f"ARG BASE\nFROM ${{BASE}}\n{steps}\n"
    tree = {"Dockerfile": dockerfile, "train.py": CODE, **(files or {})}
    args = {"BASE": base, **asked.pop("args", {})}
    return {
        "framework": "custom",
        "source": {"inline": {"files": tree}},
        "image": {"strategy": "dockerfile", "dockerfile": {"args": args, **asked}},
    }


def said(namespace: conftest.Namespace, name: str) -> str:
    """Return what the pod of a job has said."""
    pod = next(
        each
        for each in namespace.api.get(namespace.pods)["items"]
        if each["metadata"]["labels"].get("trainshed.dev/job") == name
    )
    return str(namespace.api.http.get(f"{namespace.pods}/{pod['metadata']['name']}/log").text)


def test_what_a_step_made_is_there_and_the_job_runs_as_any_other(
    open_namespace: conftest.Namespace, base: str
) -> None:
    steps = (
        "ARG WORD\n"
        "COPY words /opt/words\n"
        'RUN cat /opt/words > /opt/made && echo "$WORD by $(id -u)" >> /opt/made\n'
        'ENTRYPOINT ["/bin/false"]\nUSER 12345\nWORKDIR /nowhere'
    )
    spec = job(base, steps, files={"words": "a file and "}, args={"WORD": "a step"})
    open_namespace.apply("made", spec)
    status = open_namespace.finished("made", seconds=BUILD_SECONDS)

    assert status["phase"] == "Succeeded", status
    assert "found a file and a step by 0, as 1000, with Run" in said(open_namespace, "made")
    repository = f"/ns/{open_namespace.name}@sha256:"
    assert repository in status["image"]["ref"]


def test_the_stage_that_is_named_is_built_and_no_later_one(
    open_namespace: conftest.Namespace, base: str
) -> None:
    steps = (
        "RUN echo early > /opt/made\nFROM ${BASE} AS wanted\nCOPY --from=0 /opt/made /opt/made\n"
        "FROM wanted\nRUN false"
    )
    open_namespace.apply("staged", job(base, steps, target="wanted"))
    status = open_namespace.finished("staged", seconds=BUILD_SECONDS)

    assert status["phase"] == "Succeeded", status
    assert "found early" in said(open_namespace, "staged")


@pytest.mark.skipif(BUILDKIT == "", reason="TRAINSHED_BUILDKIT_IMAGE names no rootless BuildKit")
def test_buildkit_builds_in_the_same_pod(
    open_namespace: conftest.Namespace, info: conftest.Body, base: str
) -> None:
    registry = {"push": info["registry"]["push"], "pull": info["registry"]["pull"]}
    settings = {**registry, "prefix": "trainshed", "namespace": open_namespace.name}
    files = {"Dockerfile": b"ARG BASE\nFROM ${BASE}\nRUN id -u > /opt/made", "train.py": b""}
    args = (("BASE", base),)
    order = facts.pod_order(
        base="",
        files=embedding.pack(files),
        dockerfile=dockerfiles.Dockerfile("Dockerfile", args=args),
    )
    given = pods.Surroundings(
        image=f"{registry['pull']}/trainshed/builder:dev",
        settings=json.dumps(settings),
        engine=dockerfiles.Engine(dockerfiles.Kind.BUILDKIT, BUILDKIT, "4Gi"),
    )
    job = pods.render(order, namespace=open_namespace.name, given=given)
    made = open_namespace.api.create(open_namespace.workloads, job)
    open_namespace.api.wait(
        open_namespace.workloads,
        made["metadata"]["name"],
        lambda each: any(one["status"] == "True" for one in each["status"].get("conditions", ())),
        what="the build to end",
        seconds=BUILD_SECONDS,
    )

    (pod,) = open_namespace.api.get(open_namespace.pods)["items"]
    (container,) = pod["status"]["containerStatuses"]
    told = json.loads(container["state"]["terminated"]["message"])
    assert f"/ns/{open_namespace.name}@sha256:" in told["image"]["ref"], told


def test_a_namespace_without_the_label_is_refused_at_once(
    namespace: conftest.Namespace, base: str
) -> None:
    namespace.apply("closed", job(base, "RUN true"))
    message = namespace.told("closed", "Failed", "DockerfileNotAllowed", seconds=10)

    assert f"{LABEL}: true" in message
    chosen = {"labelSelector": "trainshed.dev/component=builder"}
    assert namespace.api.get(namespace.workloads, **chosen)["items"] == []


def test_a_namespace_that_admits_no_such_pod_says_so(
    namespace: conftest.Namespace, base: str
) -> None:
    marked(namespace, **{LABEL: "true"})
    namespace.apply("cramped", job(base, "RUN true"))
    message = namespace.told("cramped", "ImageReady", "BuildPodWaiting", seconds=REASON_SECONDS)

    assert "violates PodSecurity" in message
    assert f"{LEVEL}: privileged" in message


def test_a_step_that_fails_shows_the_end_of_its_output(
    open_namespace: conftest.Namespace, base: str
) -> None:
    steps = "RUN echo what went wrong >&2; exit 3"
    open_namespace.apply("fails", job(base, steps))
    message = open_namespace.told("fails", "Failed", "DockerfileFailed", seconds=REASON_SECONDS)

    assert "what went wrong" in message
    assert "exit status 3" in message
    assert "what went wrong" in open_namespace.finished("fails")["failure"]["logTail"]


def test_a_dockerfile_that_is_not_there_is_named_with_those_that_are(
    open_namespace: conftest.Namespace, base: str
) -> None:
    open_namespace.apply("absent", job(base, "RUN true", path="docker/Dockerfile"))
    message = open_namespace.told("absent", "Failed", "DockerfileNotFound", seconds=REASON_SECONDS)

    assert "'docker/Dockerfile'" in message
    assert "'Dockerfile'" in message


def test_a_base_that_is_not_there_is_told_of_the_base(
    open_namespace: conftest.Namespace, base: str
) -> None:
    open_namespace.apply("baseless", job(f"{base}-not-there", "RUN true"))
    message = open_namespace.told("baseless", "Failed", "BaseImageNotFound", seconds=REASON_SECONDS)

    assert "FROM" in message
