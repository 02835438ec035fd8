"""The schema of code that is fetched, and of images that go elsewhere."""

from __future__ import annotations

from typing import Any

import pytest

from tests import builders
from tests.cluster import conftest

CODE = {"inline": {"files": {"train.py": ""}}}


def source(**fields: Any) -> builders.TrainingJobBuilder:
    """Return a job of a source."""
    return builders.training_job().spec(source=fields, model=None, data=None)


def claim(**fields: Any) -> builders.TrainingJobBuilder:
    """Return a job of a claim."""
    return source(claim={"claimName": "code", **fields})


def oci(ref: str, **fields: Any) -> builders.TrainingJobBuilder:
    """Return a job of an artifact."""
    return source(oci={"ref": ref, **fields})


def image(**fields: Any) -> builders.TrainingJobBuilder:
    """Return a job of a built-in model with an image."""
    return builders.training_job().cnn().spec(image=fields)


ONE = "source needs exactly one of git, configMap, inline, oci and claim"
REFUSED = {
    "an artifact and a claim": (source(oci={"ref": "r/a:1"}, claim={"claimName": "a"}), ONE),
    "an artifact and files": (source(oci={"ref": "r/a:1"}, **CODE), ONE),
    "no source at all": (source(entrypoint=["python", "x.py"]), ONE),
    "an artifact with a blank": (oci("r.example/a: 1"), "source.oci.ref"),
    "an artifact without a name": (oci(""), "source.oci.ref"),
    "a folder above the claim": (claim(path="a/../.."), "claim.path is a folder of the claim"),
    "an absolute folder of a claim": (claim(path="/etc"), "claim.path"),
    "a claim without a name": (claim(claimName=""), "claim.claimName"),
    "a size of an inline source": (source(maxBytes="1Mi", **CODE), "source.maxBytes is for git"),
    "a repository of a ready image": (
        image(ref="own:1", repository="r.example/a"),
        "image.repository is for images that are built",
    ),
    "a repository without a registry": (image(repository="team/images"), "image.repository"),
    "a repository with a tag": (image(repository="r.example/images:1"), "image.repository"),
    "a repository with a digest": (
        image(repository=f"r.example/images@sha256:{'a' * 64}"),
        "image.repository",
    ),
    "an address as a repository": (image(repository="https://r.io/a"), "image.repository"),
    "a repository in capitals": (image(repository="r.example/Images"), "image.repository"),
    "a repository that goes up": (image(repository="r.example/../a"), "image.repository"),
}


@pytest.mark.parametrize(("job", "sentence"), REFUSED.values(), ids=REFUSED.keys())
def test_bad_input_is_refused_with_a_sentence(
    namespace: conftest.Namespace, job: builders.TrainingJobBuilder, sentence: str
) -> None:
    assert sentence in namespace.refusal(job)


TAKEN = {
    "a claim": claim(),
    "a folder of a claim, of which some is ignored": source(
        claim={"claimName": "code", "path": "a/b"}, ignore=["*.ckpt"], maxBytes="1Mi"
    ),
    "an artifact": oci("r.example:5000/team/code:1", pullSecret={"name": "pull"}),
    "an artifact by digest": source(
        oci={"ref": f"r.example/code@sha256:{'a' * 64}"}, ignore=["*.md"], maxBytes="1Mi"
    ),
    "a repository elsewhere": image(
        repository="r.example:5000/team/images_2", pushSecret={"name": "push"}
    ),
    "a repository on this machine": image(repository="localhost/images"),
    "a push secret for a built-in model": image(pushSecret={"name": "push"}),
}


@pytest.mark.parametrize("job", TAKEN.values(), ids=TAKEN.keys())
def test_good_input_is_taken(
    namespace: conftest.Namespace, job: builders.TrainingJobBuilder
) -> None:
    assert namespace.apply(job)
