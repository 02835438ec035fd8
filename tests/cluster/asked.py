"""Jobs that are asked for at apply, in few words."""

from typing import Any

from tests import builders

GIT = "https://git.example/team/train.git"
CLIPS = {"claimName": "clips"}
KEPT = {"claimName": "kept"}
MODELS = {"claimName": "models"}


def cnn(**params: Any) -> builders.TrainingJobBuilder:
    """Return a job of the built-in model."""
    return builders.training_job().cnn(**params)


def cnn_with(**pod: Any) -> builders.TrainingJobBuilder:
    """Return a built-in model with something of spec.pod set."""
    return cnn().spec(pod=pod)


def mount(path: str) -> builders.TrainingJobBuilder:
    """Return a built-in model with a volume mounted at a path."""
    volumes = [{"name": "scratch", "emptyDir": {}}]
    return cnn_with(volumes=volumes, volumeMounts=[{"name": "scratch", "mountPath": path}])


def variable(**fields: Any) -> builders.TrainingJobBuilder:
    """Return a built-in model with one environment variable."""
    return cnn_with(env=[fields])


def packages(**requirements: Any) -> builders.TrainingJobBuilder:
    """Return a script that asks for packages."""
    inline = {"files": {"train.py": ""}}
    return builders.training_job().spec(source={"inline": inline, "requirements": requirements})


def compiled(**fields: Any) -> builders.TrainingJobBuilder:
    """Return a script whose source is compiled."""
    inline = {"files": {"setup.py": "", "train.py": ""}}
    return builders.training_job().spec(source={"inline": inline, "compile": True}, **fields)


def git(url: str, **fields: Any) -> builders.TrainingJobBuilder:
    """Return a job of a git repository."""
    return builders.training_job().git(url, **fields)


def dockerfile_job(**image: Any) -> builders.TrainingJobBuilder:
    """Return a job whose image a Dockerfile makes."""
    return builders.training_job().script().spec(image={"strategy": "dockerfile", **image})


def oci(ref: str, **fields: Any) -> builders.TrainingJobBuilder:
    """Return a job of an artifact."""
    return builders.training_job().spec(source={"oci": {"ref": ref, **fields}})


def claim(**fields: Any) -> builders.TrainingJobBuilder:
    """Return a job of code on a claim."""
    return builders.training_job().spec(source={"claim": fields})


def inline(name: str) -> builders.TrainingJobBuilder:
    """Return a job of one inline file."""
    return builders.training_job().inline({name: "print(1)"})


def export(*formats: str, **fields: Any) -> builders.TrainingJobBuilder:
    """Return a built-in model that is exported in these formats."""
    return cnn().spec(export={"formats": list(formats), "volume": MODELS, **fields})


def data(**fields: Any) -> builders.TrainingJobBuilder:
    """Return a built-in model on this data."""
    return builders.training_job().data(**fields)
