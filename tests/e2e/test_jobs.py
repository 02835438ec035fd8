"""Jobs that are right: they are built, run, told of and found in Prometheus."""

from __future__ import annotations

import contextlib
import pathlib
from typing import Any

import pytest
import yaml

from hack import apiserver
from tests.e2e import conftest, pictures, volumes
from tests.e2e import judges as judging

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"


def test_a_built_in_model_trains_and_tells_its_figures(namespace: conftest.Namespace) -> None:
    namespace.apply("digits", conftest.cnn(epochs=8))

    status = namespace.finished("digits")

    assert status["phase"] == "Succeeded", status
    result = status["result"]
    assert result["accuracy"] > 0.9
    assert result["samplesPerSecond"] == pytest.approx(
        result["samples"] / result["seconds"], rel=0.01
    )
    assert status["progress"]["samplesPerSecond"] == result["samplesPerSecond"]
    assert status["progress"]["percent"] == 100


def test_the_timeline_sums_to_the_first_step(namespace: conftest.Namespace) -> None:
    namespace.apply("digits", conftest.cnn())

    timeline = namespace.finished("digits")["timeline"]

    stages = ("building", "scheduling", "pulling", "initialising", "firstStep")
    assert timeline["toFirstStep"] == pytest.approx(
        sum(timeline[each] for each in stages), abs=0.01
    )


def test_pods_run_the_digest_that_the_status_names(
    namespace: conftest.Namespace, judges: judging.Judges
) -> None:
    namespace.apply("digits", conftest.cnn())
    status = namespace.finished("digits")

    (pod,) = namespace.api.get(namespace.pods)["items"]

    named, ran = status["image"]["ref"], pod["status"]["containerStatuses"][0]["imageID"]
    assert pod["spec"]["containers"][0]["image"] == named
    # Of images that differ in their annotations alone, as those of two namespaces do, containerd
    # holds one, and names it by whichever came first.
    assert judges.contents(ran) == judges.contents(named)


def test_an_equal_job_finds_its_image(namespace: conftest.Namespace) -> None:
    source = "print('the same code')"
    namespace.apply("first", conftest.script(source))
    first = namespace.finished("first")
    namespace.apply("second", conftest.script(source))

    second = namespace.finished("second")

    assert second["image"]["ref"] == first["image"]["ref"]
    assert second["image"]["cacheHit"] is True
    assert second["image"]["uploadedBytes"] == 0


def test_a_change_of_code_is_another_image(namespace: conftest.Namespace) -> None:
    namespace.apply("first", conftest.script("print('before')"))
    namespace.apply("second", conftest.script("print('after')"))

    first, second = namespace.finished("first"), namespace.finished("second")

    assert first["image"]["key"] != second["image"]["key"]


def test_a_ready_image_runs_its_command_as_given(
    namespace: conftest.Namespace, api: apiserver.ApiServer
) -> None:
    namespace.apply("built", conftest.script("print('for its image')"))
    ref = namespace.finished("built")["image"]["ref"]

    namespace.apply(
        "ready",
        {
            "framework": "pytorch",
            "image": {"ref": ref},
            "command": ["python3", "-c", "import sys; sys.exit(0)"],
        },
    )
    status = namespace.finished("ready")

    assert status["phase"] == "Succeeded"
    assert status["image"] == {"ref": ref}
    (pod,) = [
        each
        for each in api.get(namespace.pods)["items"]
        if each["metadata"]["labels"]["trainshed.dev/job"] == "ready"
    ]
    assert pod["spec"]["containers"][0]["command"][0] == "python3"


ELSEWHERE = "claim-source.yaml"
"""test_sources.py runs it: its claim holds code."""


@pytest.mark.parametrize(
    "example", sorted(each.name for each in EXAMPLES.glob("*.yaml") if each.name != ELSEWHERE)
)
def test_every_example_succeeds(
    namespace: conftest.Namespace, info: conftest.Body, example: str
) -> None:
    documents = list(yaml.safe_load_all((EXAMPLES / example).read_text(encoding="utf-8")))
    job = next(each for each in documents if each["kind"] == "TrainingJob")
    fit(job["spec"], info)
    with contextlib.ExitStack() as stack:
        for name in claims(job["spec"]):
            folder = stack.enter_context(volumes.claim(namespace, info, name))
            fill(folder, job["spec"].get("data", {}))
        for each in documents:
            # This cluster makes no volumes for claims: those above stand in.
            if each["kind"] != "PersistentVolumeClaim":
                namespace.api.create(_collection(namespace, each), each)
        status = namespace.finished(job["metadata"]["name"], seconds=300)

    assert status["phase"] == "Succeeded", status


def fit(spec: conftest.Body, info: conftest.Body) -> None:
    """Have an example run here: a base that this registry has, and one epoch of what takes long."""
    base = spec.get("image", {}).get("base", "")
    if base:
        spec["image"]["base"] = f"{info['registry']['pull']}/trainshed/pytorch:dev"
    if spec.get("data", {}).get("name") == "moving-digits":
        spec["training"] = {**spec.get("training", {}), "epochs": 1}


def fill(folder: pathlib.Path, data: conftest.Body) -> None:
    """Write the pictures that an example trains on, where it trains on such."""
    if path := data.get("folder", {}).get("path"):
        pictures.write_folders(folder / pathlib.Path(path).relative_to("/data"), count=48)


def claims(spec: conftest.Body) -> list[str]:
    """Return the claims that a job names, each once."""
    places = [spec.get(each, {}) for each in ("checkpoint", "data", "export", "visualization")]
    return sorted({each["volume"]["claimName"] for each in places if "volume" in each})


def _collection(namespace: conftest.Namespace, body: dict[str, Any]) -> str:
    if body["kind"] == "TrainingJob":
        return namespace.jobs
    return f"/api/v1/namespaces/{namespace.name}/configmaps"
