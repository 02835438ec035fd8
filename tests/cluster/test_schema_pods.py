"""What the API server says to bad input, at apply: pods."""

import pytest

from tests import builders
from tests.cluster import asked, conftest

HIDES = "mount paths are absolute and may not hide /app"
RESERVED = "PYTHONPATH and NVIDIA_VISIBLE_DEVICES are set for you: choose other names"
REFUSED: dict[str, tuple[builders.TrainingJobBuilder, str]] = {
    "a path of the node": (
        asked.cnn_with(volumes=[{"name": "v", "hostPath": {"path": "/"}}]),
        'unknown field "spec.pod.volumes[0].hostPath"',
    ),
    "a volume of two kinds": (
        asked.cnn_with(volumes=[{"name": "v", "emptyDir": {}, "configMap": {"name": "x"}}]),
        "a volume needs exactly one of",
    ),
    "the operator's volume": (
        asked.cnn_with(volumes=[{"name": "trainshed-tmp", "emptyDir": {}}]),
        "volume names that start with trainshed-",
    ),
    "a mount over the code": (asked.mount("/app"), HIDES),
    "a mount over the code with a slash": (asked.mount("/app/"), HIDES),
    "a mount over the operator's files": (asked.mount("/etc/trainshed"), HIDES),
    "a mount over a parent of them": (asked.mount("/etc"), HIDES),
    "a mount over the token": (asked.mount("/var/run/secrets/trainshed"), HIDES),
    "a mount that goes up": (asked.mount("/data/../app"), HIDES),
    "a relative mount": (asked.mount("data"), HIDES),
    "the operator's variable": (asked.variable(name="TRAINSHED_JOB", value="x"), RESERVED),
    "the module path": (asked.variable(name="PYTHONPATH", value="x"), RESERVED),
    "a variable with two values": (
        asked.variable(name="A", value="x", valueFrom={"fieldRef": {"fieldPath": "status.podIP"}}),
        "give a variable's value or valueFrom, not both",
    ),
    "a variable from nowhere": (
        asked.variable(name="A", valueFrom={}),
        "valueFrom needs exactly one of",
    ),
    "variables from nowhere": (asked.cnn_with(envFrom=[{}]), "envFrom needs exactly one of"),
    "the operator's label": (
        asked.cnn_with(labels={"trainshed.dev/job": "x"}),
        "are the operator's",
    ),
    "the operator's annotation": (
        asked.cnn_with(annotations={"trainshed.dev/spec": "{}"}),
        "are the operator's",
    ),
    "an amount that is none": (asked.cnn().spec(resources={"memory": "lots"}), "resources.memory"),
    "a negative amount": (asked.cnn().spec(resources={"cpu": -1}), "resources.cpu"),
    "the root group": (asked.cnn_with(fsGroup=0), "fsGroup"),
}


@pytest.mark.parametrize(("job", "sentence"), list(REFUSED.values()), ids=list(REFUSED))
def test_bad_input_is_refused_with_a_sentence(
    namespace: conftest.Namespace, job: builders.TrainingJobBuilder, sentence: str
) -> None:
    assert sentence in namespace.refusal(job)
