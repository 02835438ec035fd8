"""An image of ours that its registry has lost: built once more, and never for want of rights."""

from __future__ import annotations

import dataclasses

import pytest

from tests import builders, facts
from tests.unit.core import passes
from trainshed.api import phases
from trainshed.builds import orders
from trainshed.core import observed, plan, policy

GONE = (
    f'failed to pull and unpack image "{builders.IMAGE}": failed to copy: httpReadSeeker: failed'
    " open: content at https://registry.example/v2/x not found: not found"
)
OTHER = "registry.example/trainshed/default@sha256:" + "e" * 64
COMMIT = "c" * 40


def lost(
    message: str = GONE,
    *,
    reason: str = "ErrImagePull",
    job: builders.TrainingJobBuilder | None = None,
    build: observed.BuildView | None = None,
) -> observed.Observation:
    """Return a job whose image was built, and whose pod can't pull it."""
    built = builders.observation(job, build=build or facts.built())
    stored = passes.stored(built, passes.decided(built, now=1))
    pod = builders.pod().on_node().pull_failed(reason, message)
    workload = builders.job().active()
    return dataclasses.replace(stored, workload=workload.view(), pods=(pod.view(),))


def rebuilt(
    before: observed.Observation,
    *,
    ref: str = builders.IMAGE,
    refusal: observed.Refusal | None = None,
) -> observed.Observation:
    """Return what is seen once the rebuild has ended."""
    made = facts.built().image
    assert made is not None
    image = None if refusal else dataclasses.replace(made, ref=ref)
    return dataclasses.replace(
        before, build=observed.BuildView(image=image, refusal=refusal, forced=True)
    )


def begun(**of: str) -> observed.Observation:
    """Return a job whose rebuild was ordered at second 10, its status written."""
    before = lost(**of)
    return passes.stored(before, passes.decided(before, now=10))


@pytest.mark.parametrize(
    "said",
    [
        GONE,
        "failed to copy: unexpected EOF",
        "manifest unknown: manifest unknown to registry",
        "short read: expected 831 bytes but got 0: unexpected EOF",
        'Back-off pulling image "x": ErrImagePull: failed to resolve reference "x": not found',
    ],
)
@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff"])
def test_an_image_that_is_gone_is_built_again_with_nothing_believed(reason: str, said: str) -> None:
    wanted = passes.decided(lost(said, reason=reason), now=10)

    assert wanted.build is not None
    assert wanted.build.forced == builders.T0 + 10
    status, why, message = passes.condition(wanted, "ImageReady")
    assert (status, why) == ("False", "ImageRebuilding")
    assert said in message
    assert passes.read(wanted).phase is phases.Phase.STARTING


@pytest.mark.parametrize(
    "said",
    [
        "failed to authorize: failed to fetch anonymous token: 401 Unauthorized: not found",
        "unexpected status from HEAD request: 403 Forbidden; not found",
        "pull access denied, repository does not exist or may require authorization: not found",
        "no basic auth credentials",
        "dial tcp: lookup registry.example: no such host",
        "x509: certificate signed by unknown authority",
        "i/o timeout",
        "",
    ],
)
def test_a_pull_that_fails_otherwise_is_no_case_for_a_build(said: str) -> None:
    wanted = passes.decided(lost(said), now=10)

    assert wanted.build is None
    assert passes.reasons(wanted)["ImageReady"][0] == "True"


def test_a_namespace_that_is_called_as_a_refusal_is_no_refusal() -> None:
    image = "registry.example/trainshed/ns/denied@sha256:" + "a" * 64
    made = facts.built().image
    assert made is not None
    build = observed.BuildView(image=dataclasses.replace(made, ref=image))

    wanted = passes.decided(lost(f'failed to pull "{image}": not found', build=build), now=10)

    assert wanted.build is not None


def test_an_image_that_was_given_is_not_ours_to_build() -> None:
    job = builders.training_job().command("train")
    assert passes.decided(lost(job=job), now=10).build is None


def test_other_reasons_of_a_pod_that_waits_are_no_case() -> None:
    seen = lost(reason="CreateContainerConfigError", message='secret "key" not found')
    assert passes.decided(seen, now=10).build is None


def test_the_same_image_lets_the_pod_wait_for_its_next_pull() -> None:
    wanted = passes.decided(rebuilt(begun()), now=12)

    assert passes.reasons(wanted)["ImageReady"] == ("True", "ImageRebuilt")
    assert wanted.build is None
    assert not wanted.deletes
    assert passes.read(wanted).phase is phases.Phase.STARTING


def test_a_rebuild_that_ends_within_the_pass_is_told_too() -> None:
    wanted = passes.decided(rebuilt(lost()), now=10)

    assert passes.reasons(wanted)["ImageReady"] == ("True", "ImageRebuilt")
    assert wanted.build is None


def test_it_is_done_once_a_job_whatever_the_operator_remembers() -> None:
    after = rebuilt(begun())
    after = passes.stored(after, passes.decided(after, now=12))

    for build in (after.build, None):
        again = passes.decided(dataclasses.replace(after, build=build), now=40)
        assert again.build is None


def test_a_restart_goes_on_with_a_rebuild_that_it_finds_begun() -> None:
    wanted = passes.decided(dataclasses.replace(begun(), build=None), now=30)

    assert wanted.build is not None
    # The moment is that of the first process: a build pod of then still answers.
    assert wanted.build.forced == builders.T0 + 10


def test_a_rebuild_that_goes_on_is_not_ordered_twice() -> None:
    running = dataclasses.replace(begun(), build=observed.BuildView(forced=True))
    assert passes.decided(running, now=20).build is None


def test_a_pod_that_has_started_ends_a_rebuild_that_a_restart_lost() -> None:
    pod = builders.pod().on_node().running(since=25).view()
    wanted = passes.decided(dataclasses.replace(begun(), build=None, pods=(pod,)), now=30)

    assert wanted.build is None
    assert passes.reasons(wanted)["ImageReady"] == ("True", "ImageRebuilt")


def test_another_image_ends_the_job_and_says_what_to_do() -> None:
    after = rebuilt(begun(), ref=OTHER)
    wanted = passes.decided(after, now=12)

    assert passes.read(wanted).phase is phases.Phase.FAILED
    reason, message = passes.condition(wanted, "Failed")[1:]
    assert reason == "ImageLost"
    assert OTHER in message
    assert "create the job anew" in message
    failure = passes.read(wanted).failure
    assert failure is not None
    assert failure.class_ == "ImagePull"
    # Its pod would wait for ever.
    ended = passes.decided(passes.stored(after, wanted), now=13)
    assert [each.name for each in ended.deletes] == [f"{builders.NAME}-1"]


def test_a_rebuild_that_can_never_be_ends_the_job() -> None:
    refusal = facts.refused("SourceRefNotFound", "the commit is gone: push it", terminal=True)
    wanted = passes.decided(rebuilt(begun(), refusal=refusal), now=12)

    reason, message = passes.condition(wanted, "Failed")[1:]
    assert reason == "ImageLost"
    assert "the commit is gone: push it" in message


def test_a_rebuild_that_is_refused_is_tried_again_until_its_deadline() -> None:
    short = policy.Policy(base_images={"pytorch": builders.BASE}, build_deadline=60.0)
    refusal = facts.refused("RegistryUnavailable", "is down", retry=20)
    after = rebuilt(begun(), refusal=refusal)

    early = passes.decided(after, now=12, settings=short)
    assert early.build is None
    assert passes.reasons(early)["ImageReady"] == ("False", "ImageRebuilding")
    assert early.requeue_after == pytest.approx(8.0)
    again = passes.decided(after, now=20, settings=short).build
    assert again is not None
    assert again.seconds == pytest.approx(50.0)
    late = passes.decided(after, now=70, settings=short)
    assert passes.condition(late, "Failed")[1] == "BuildDeadlineExceeded"


def test_a_tag_of_an_artifact_is_pulled_at_the_digest_that_the_image_is_of() -> None:
    digest = "sha256:" + "e" * 64
    source = {"oci": {"ref": "registry.example/code:1"}}
    job = builders.training_job().spec(source=source, model=None, data=None)
    made = facts.built().image
    assert made is not None
    image = dataclasses.replace(made, source_revision=digest)
    build = passes.decided(lost(job=job, build=observed.BuildView(image=image)), now=10).build

    assert build is not None
    assert build.pod is not None
    assert build.pod.oci == orders.Oci(f"registry.example/code@{digest}", "")


def _order(base: str, **git: str) -> plan.BuildOrder:
    job = builders.training_job().spec(image={"base": base})
    job = job.git("https://git.example/a.git", **git) if git else job.script()
    made = facts.built().image
    assert made is not None
    digest = "sha256:" + "d" * 64
    image = dataclasses.replace(made, base_digest=digest, source_revision=COMMIT if git else "")
    build = passes.decided(lost(job=job, build=observed.BuildView(image=image)), now=10).build
    assert build is not None
    return build


@pytest.mark.parametrize(
    ("base", "name"),
    [
        ("registry.example:5000/torch:2", "registry.example:5000/torch"),
        ("registry.example:5000/torch", "registry.example:5000/torch"),
        ("registry.example/torch@sha256:" + "d" * 64, "registry.example/torch"),
    ],
)
def test_the_base_is_the_one_that_was_built_on_whatever_its_tag_means_now(
    base: str, name: str
) -> None:
    assert _order(base).base == f"{name}@sha256:" + "d" * 64


def test_a_dockerfile_that_is_built_again_names_its_bases_itself() -> None:
    job = builders.training_job().script().spec(image={"strategy": "dockerfile"})
    build = passes.decided(lost(job=job), now=10).build

    assert build is not None
    assert build.pod is not None
    assert (build.base, build.pod.base, build.pod.force) == ("", "", True)


def test_a_branch_is_cloned_at_the_commit_that_the_image_is_of() -> None:
    pod = _order("registry.example/torch:2", ref="main").pod

    assert pod is not None
    assert pod.force
    assert pod.base == "registry.example/torch@sha256:" + "d" * 64
    assert pod.git is not None
    assert pod.git.ref == COMMIT


def mounted(said: str) -> plan.Plan:
    """Return what is decided of a job whose image is mounted into its base."""
    job = builders.training_job().script().spec(image={"base": "own/base:1", "delivery": "volume"})
    return passes.decided(lost(said, job=job), now=10)


def test_an_image_that_is_mounted_is_built_again_as_well() -> None:
    wanted = mounted(GONE)

    assert wanted.build is not None
    assert wanted.build.mounted
    assert builders.IMAGE in passes.condition(wanted, "ImageReady")[2]


def test_the_base_of_a_mounted_image_is_nothing_to_be_built_again() -> None:
    assert mounted(GONE.replace(builders.IMAGE, "own/base@sha256:" + "b" * 64)).build is None
