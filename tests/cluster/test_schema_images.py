"""What the API server says to bad input, at apply: images and how they are built."""

import pytest

from tests import builders
from tests.cluster import asked, conftest

REFRESHED = "image.refresh is for what is named by a moving name"
REFUSED: dict[str, tuple[builders.TrainingJobBuilder, str]] = {
    "a command without an image": (
        builders.training_job().spec(command=["x"]),
        "command runs a ready image: give image.ref",
    ),
    "a source with a ready image": (
        builders.training_job().script().spec(image={"ref": "own:1"}),
        "give image.base, or command with image.ref",
    ),
    "a ready image and a base": (
        asked.cnn().spec(image={"ref": "own:1", "base": "base:1"}),
        "give one of them",
    ),
    "a refresh of a ready image": (
        asked.cnn().spec(image={"ref": "own:1", "refresh": "daily"}),
        "image.refresh is for images that are built",
    ),
    "a refresh of a model": (asked.cnn().spec(image={"refresh": "daily"}), REFRESHED),
    "a refresh of a script": (
        builders.training_job().script().spec(image={"refresh": "never"}),
        REFRESHED,
    ),
    "a refresh of a ConfigMap": (
        builders.training_job().config_map().spec(image={"refresh": "always"}),
        REFRESHED,
    ),
    "a refresh of a claim": (
        asked.claim(claimName="code").spec(image={"refresh": "daily"}),
        REFRESHED,
    ),
    "a refresh of what is pushed elsewhere": (
        asked.git(asked.GIT).spec(image={"refresh": "daily", "repository": "r.example/images"}),
        REFRESHED,
    ),
    "a repository of a ready image": (
        asked.cnn().spec(image={"ref": "own:1", "repository": "r.example/images"}),
        "image.repository is for images that are built",
    ),
    "a push secret of a ready image": (
        asked.cnn().spec(image={"ref": "own:1", "pushSecret": {"name": "push"}}),
        "image.pushSecret is for images that are built",
    ),
    "a repository without a host": (
        asked.cnn().spec(image={"repository": "team/images"}),
        "spec.image.repository: Invalid value",
    ),
    "a repository with a tag": (
        asked.cnn().spec(image={"repository": "r.example/images:1"}),
        "spec.image.repository: Invalid value",
    ),
    "a refresh that there is not": (
        asked.cnn().spec(image={"refresh": "hourly"}),
        'Unsupported value: "hourly"',
    ),
    "a deadline of a ready image": (
        asked.cnn().spec(image={"ref": "own:1", "deadlineSeconds": 60}),
        "image.deadlineSeconds is for images that are built",
    ),
    "an image within no time": (
        asked.cnn().spec(image={"deadlineSeconds": 0}),
        "should be greater than or equal to 1",
    ),
    "a compression of a ready image": (
        asked.cnn().spec(image={"ref": "own:1", "compression": "gzip"}),
        "image.compression is for images that are built",
    ),
    "platforms of a ready image": (
        asked.cnn().spec(image={"ref": "own:1", "platforms": ["linux/arm64"]}),
        "image.platforms is for images that are built",
    ),
    "a platform that nothing is built for": (
        asked.cnn().spec(image={"platforms": ["windows/amd64"]}),
        "supported values",
    ),
    "no platform": (asked.cnn().spec(image={"platforms": []}), "image.platforms"),
    "a platform twice": (
        asked.cnn().spec(image={"platforms": ["linux/amd64", "linux/amd64"]}),
        "Duplicate value",
    ),
    "a delivery of a ready image": (
        asked.cnn().spec(image={"ref": "own:1", "delivery": "volume"}),
        "image.delivery is for images that are built",
    ),
    "a delivery that nobody knows": (
        asked.cnn().spec(image={"delivery": "mail"}),
        "supported values",
    ),
    "a path that a mounted image does not have": (
        builders.training_job()
        .inline({"train.py": ""}, "python", "/app/train.py")
        .spec(image={"delivery": "volume"}),
        "not in /app but in the working directory",
    ),
    "an image with a blank": (asked.cnn().spec(image={"ref": "own: 1"}), "image.ref"),
    "a strategy of a ready image": (
        builders.training_job().command("x").spec(image={"ref": "a:1", "strategy": "layer"}),
        "image.strategy is for images that are built",
    ),
    "a Dockerfile without the strategy": (
        builders.training_job().script().spec(image={"dockerfile": {"path": "Dockerfile"}}),
        "image.dockerfile is for image.strategy dockerfile",
    ),
    "a Dockerfile with a base": (
        asked.dockerfile_job(base="a:1"),
        "a Dockerfile names its base itself",
    ),
    "a Dockerfile in a volume": (
        asked.dockerfile_job(delivery="volume"),
        "image.delivery volume is for a base that is there already",
    ),
    "a Dockerfile of several platforms": (
        asked.dockerfile_job(platforms=["linux/amd64", "linux/arm64"]),
        "name one in image.platforms",
    ),
    "a Dockerfile without a source": (
        asked.cnn().spec(image={"strategy": "dockerfile"}),
        "image.strategy dockerfile builds from a source",
    ),
    "a Dockerfile beside packages": (
        asked.packages(packages=["einops"]).spec(image={"strategy": "dockerfile"}),
        "a Dockerfile installs its packages itself",
    ),
    "a Dockerfile outside of the source": (
        asked.dockerfile_job(dockerfile={"path": "a/../../Dockerfile"}),
        "dockerfile.path is a file of the source",
    ),
    "a Dockerfile by an absolute path": (
        asked.dockerfile_job(dockerfile={"path": "/etc/passwd"}),
        "dockerfile.path",
    ),
    "an argument that is none": (
        asked.dockerfile_job(dockerfile={"args": {"A B": "x"}}),
        "names of dockerfile.args",
    ),
    "a stage that is none": (
        asked.dockerfile_job(dockerfile={"target": "-x"}),
        "dockerfile.target",
    ),
    "another strategy": (
        builders.training_job().script().spec(image={"strategy": "kaniko"}),
        "image.strategy",
    ),
}


@pytest.mark.parametrize(("job", "sentence"), list(REFUSED.values()), ids=list(REFUSED))
def test_bad_input_is_refused_with_a_sentence(
    namespace: conftest.Namespace, job: builders.TrainingJobBuilder, sentence: str
) -> None:
    assert sentence in namespace.refusal(job)
