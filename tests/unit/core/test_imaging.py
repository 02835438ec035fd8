"""The image: ordered, refused, given up."""

import dataclasses

import pytest

from tests import builders, facts
from tests.unit.core import passes
from trainshed.api import phases
from trainshed.builds import dockerfiles, orders
from trainshed.core import observed, plan, policy

SHORT = policy.Policy(base_images={"pytorch": builders.BASE}, build_deadline=60.0)


def test_an_inline_source_is_ordered_with_its_files() -> None:
    job = builders.training_job().inline({"main.py": "x"}, "python", "main.py", "--fast")

    order = passes.decided(builders.observation(job)).build

    assert order is not None
    assert order.files == {"main.py": "x"}
    assert order.source_entrypoint == ("python", "main.py", "--fast")
    assert order.entrypoint == (
        *("python3", "-m", "trainshed_trainer.launch", "--"),
        *("python", "main.py", "--fast"),
    )
    assert order.compression == "zstd"


@pytest.mark.parametrize(
    ("job", "base"),
    [
        (builders.training_job().cnn(), builders.BASE),
        (builders.training_job().tensorflow().cnn(), builders.TENSORFLOW_BASE),
        (builders.training_job().tensorflow().script(), builders.TENSORFLOW_BASE),
        (builders.training_job().custom().script().spec(image={"base": "own:1"}), "own:1"),
    ],
    ids=["PyTorch", "TensorFlow", "own code in TensorFlow", "another library"],
)
def test_each_framework_has_its_base(job: builders.TrainingJobBuilder, base: str) -> None:
    order = passes.decided(builders.observation(job)).build

    assert order is not None
    assert order.base == base


def test_a_dockerfile_is_ordered_of_a_pod_with_what_it_is_given() -> None:
    asked = {"path": "d/Dockerfile", "target": "t", "args": {"B": "2", "A": "1"}}
    image = {"strategy": "dockerfile", "dockerfile": asked}
    job = builders.training_job().custom().script().spec(image=image)

    order = passes.decided(builders.observation(job)).build

    assert order is not None
    assert order.pod is not None
    wanted = dockerfiles.Dockerfile("d/Dockerfile", "t", (("A", "1"), ("B", "2")))
    assert order.pod.dockerfile == wanted
    assert order.pod.base == ""
    assert not order.pod.pinned


def test_a_strategy_alone_means_the_dockerfile_at_the_top() -> None:
    job = builders.training_job().script().spec(image={"strategy": "dockerfile"})

    order = passes.decided(builders.observation(job)).build

    assert order is not None
    assert order.pod is not None
    assert order.pod.dockerfile == dockerfiles.Dockerfile("Dockerfile")


def test_a_config_map_is_ordered_by_name() -> None:
    order = passes.decided(builders.observation(builders.training_job().config_map("code"))).build

    assert order is not None
    assert (order.files, order.config_map) == (None, "code")


def test_the_users_base_and_compression_win() -> None:
    image = {"base": "own/base:1", "compression": "gzip"}
    job = builders.training_job().script().spec(image=image)

    order = passes.decided(builders.observation(job)).build

    assert order is not None
    assert (order.base, order.compression) == ("own/base:1", "gzip")


@pytest.mark.parametrize(
    "job",
    [builders.training_job().script(), builders.training_job().git("https://git.example/a.git")],
    ids=["made here", "made in a pod"],
)
def test_platforms_are_ordered_sorted_and_one_is_the_default(
    job: builders.TrainingJobBuilder,
) -> None:
    plain = passes.decided(builders.observation(job)).build
    image = {"platforms": ["linux/arm64", "linux/amd64"]}
    several = passes.decided(builders.observation(job.spec(image=image))).build

    assert plain is not None
    assert several is not None
    assert plain.platforms == ("linux/amd64",)
    assert several.platforms == ("linux/amd64", "linux/arm64")
    if plain.pod is not None:
        assert several.pod is not None
        assert (plain.pod.platforms, several.pod.platforms) == (plain.platforms, several.platforms)


MOUNTED = (
    builders.training_job()
    .script()
    .spec(
        image={"base": "registry.example:5000/own/base:1", "delivery": "volume"},
        pod={"nodeSelector": {"disk": "fast", "zone": "a"}},
    )
)
DIGEST = "sha256:" + "d" * 64


def test_an_image_that_is_mounted_is_ordered_as_such() -> None:
    order = passes.decided(builders.observation(MOUNTED)).build

    assert order is not None
    assert order.mounted
    assert order.nodes == (
        "disk=fast,zone=a,kubernetes.io/os in (linux),kubernetes.io/arch in (amd64)"
    )


def test_a_mounted_image_leaves_the_base_to_run_as_it_is() -> None:
    found = facts.built()
    assert found.image is not None
    build = observed.BuildView(image=dataclasses.replace(found.image, base_digest=DIGEST))

    wanted = passes.decided(builders.observation(MOUNTED, build=build))

    image = passes.read(wanted).image
    assert image is not None
    assert (image.ref, image.volume) == (
        f"registry.example:5000/own/base@{DIGEST}",
        builders.IMAGE,
    )
    (job,) = wanted.creates
    spec = job["spec"]["template"]["spec"]
    assert spec["containers"][0]["image"] == image.ref
    assert [each["image"] for each in spec["volumes"] if "image" in each] == [
        {"reference": builders.IMAGE, "pullPolicy": "IfNotPresent"}
    ]


def test_a_restart_finds_the_volume_of_a_job_that_runs() -> None:
    runs = builders.job().running_image("base@x", volume="own@y")

    status = passes.read(passes.decided(builders.observation(MOUNTED, workload=runs)))

    assert status.image is not None
    assert (status.image.ref, status.image.volume) == ("base@x", "own@y")


def test_the_secrets_of_an_image_are_ordered_with_it() -> None:
    image = {"pushSecret": {"name": "push"}, "pullSecrets": [{"name": "a"}, {"name": "b"}]}
    job = builders.training_job().script().spec(image=image)

    order = passes.decided(builders.observation(job)).build

    assert order is not None
    assert (order.push_secret, order.pull_secrets) == ("push", ("a", "b"))


def test_a_build_that_runs_is_not_ordered_again() -> None:
    wanted = passes.decided(builders.observation(build=observed.BuildView()))

    assert wanted.build is None
    assert passes.condition(wanted, "ImageReady")[:2] == ("False", "Building")
    assert passes.read(wanted).phase is phases.Phase.BUILDING


def test_a_retry_that_runs_leaves_the_refusal_in_place() -> None:
    refusal = facts.refused("RegistryUnavailable", "is down", retry=5)
    seen = builders.observation(build=observed.BuildView(refusal=refusal))
    seen = passes.stored(seen, passes.decided(seen, now=1))

    running = dataclasses.replace(seen, build=observed.BuildView())

    assert passes.decided(running, now=6).status is None


@pytest.mark.parametrize("reason", ["RegistryUnavailable", "SourceNotFound"])
def test_a_refusal_that_may_pass_is_told_and_tried_again(reason: str) -> None:
    refusal = facts.refused(reason, "mend it", retry=5)
    seen = builders.observation(build=observed.BuildView(refusal=refusal))

    early = passes.decided(seen, now=2)

    assert passes.condition(early, "ImageReady") == ("False", reason, "mend it")
    assert passes.read(early).phase is phases.Phase.BUILDING
    assert [(each.warning, each.reason) for each in early.notices][-1] == (True, reason)
    assert early.build is None
    assert early.requeue_after == pytest.approx(3.0)
    assert passes.decided(seen, now=5).build is not None


def test_a_refusal_for_good_fails_the_job() -> None:
    refusal = facts.refused("RegistryForbidden", "the credentials are refused", terminal=True)

    wanted = passes.decided(builders.observation(build=observed.BuildView(refusal=refusal)))

    status = passes.read(wanted)
    assert status.phase is phases.Phase.FAILED
    assert passes.condition(wanted, "Failed")[1:] == (
        "RegistryForbidden",
        "the credentials are refused",
    )
    assert status.failure is not None
    assert status.failure.class_ == "Build"
    assert wanted.build is None
    assert wanted.requeue_after is None


def test_a_registry_that_stays_down_ends_the_job_at_its_deadline() -> None:
    refusal = facts.refused("RegistryUnavailable", "is down", retry=90)
    seen = builders.observation(build=observed.BuildView(refusal=refusal))

    assert passes.decided(seen, now=59, settings=SHORT).requeue_after == pytest.approx(1.0)
    wanted = passes.decided(seen, now=60, settings=SHORT)

    assert passes.condition(wanted, "Failed")[1:] == (
        "BuildDeadlineExceeded",
        "no image within 60 s; last: is down",
    )


def test_a_restart_of_the_operator_does_not_move_the_deadline() -> None:
    refusal = facts.refused("RegistryUnavailable", "is down", retry=90)
    before = builders.observation(build=observed.BuildView(refusal=refusal))
    before = passes.stored(before, passes.decided(before, now=1, settings=SHORT))
    again = dataclasses.replace(before.job, first_seen=builders.T0 + 50)

    wanted = passes.decided(dataclasses.replace(before, job=again), now=61, settings=SHORT)

    assert passes.condition(wanted, "Failed")[1] == "BuildDeadlineExceeded"


def test_a_job_that_was_found_late_has_its_image_tried_before_it_is_given_up() -> None:
    wanted = passes.decided(builders.observation(), now=5000, settings=SHORT)

    assert wanted.build is not None
    assert passes.read(wanted).phase is phases.Phase.BUILDING


def test_an_image_that_is_stored_is_not_asked_for_again() -> None:
    seen = builders.observation(build=facts.built())
    seen = passes.stored(seen, passes.decided(seen))

    restarted = passes.decided(dataclasses.replace(seen, build=None))

    assert restarted.build is None
    assert restarted.creates


def test_a_jobs_own_deadline_wins_over_the_operators() -> None:
    job = builders.training_job().script().spec(image={"deadlineSeconds": 30})
    refusal = dataclasses.replace(
        facts.refused("BuildTimedOut", "no end", retry=90), log_tail="fetched\nstuck here"
    )
    seen = builders.observation(job, build=observed.BuildView(refusal=refusal))

    assert passes.decided(seen, now=29).requeue_after == pytest.approx(1.0)
    wanted = passes.decided(seen, now=30)

    assert passes.condition(wanted, "Failed")[1:] == (
        "BuildDeadlineExceeded",
        "no image within 30 s; last: no end",
    )
    failure = passes.read(wanted).failure
    assert failure is not None
    assert failure.log_tail == "fetched\nstuck here"


@pytest.mark.parametrize(("said", "told"), [("STEP 2\nno such file",) * 2, ("", None)])
def test_a_build_that_failed_for_good_leaves_the_end_of_its_log(
    said: str, told: str | None
) -> None:
    refusal = facts.refused("DockerfileFailed", "mend the step", terminal=True)
    refusal = dataclasses.replace(refusal, log_tail=said)
    seen = builders.observation(build=observed.BuildView(refusal=refusal))
    failure = passes.read(passes.decided(seen)).failure
    assert failure is not None
    assert failure.log_tail == told


def test_each_try_has_what_is_left_of_the_time() -> None:
    job = builders.training_job().script().spec(image={"deadlineSeconds": 100})
    first = passes.decided(builders.observation(job), now=0).build
    assert first is not None
    assert first.seconds == pytest.approx(100.0)

    refusal = facts.refused("RegistryUnavailable", "is down", retry=30)
    seen = builders.observation(job, build=observed.BuildView(refusal=refusal))
    again = passes.decided(passes.stored(seen, passes.decided(seen, now=0)), now=40).build

    assert again is not None
    assert again.seconds == pytest.approx(60.0)


DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("source", "oci", "claim"),
    [
        (
            {"oci": {"ref": "r.example/a:1", "pullSecret": {"name": "key"}}},
            orders.Oci("r.example/a:1", "key"),
            None,
        ),
        ({"oci": {"ref": f"r.example/a@{DIGEST}"}}, orders.Oci(f"r.example/a@{DIGEST}", ""), None),
        ({"claim": {"claimName": "code"}}, None, orders.Claim("code", ".")),
        ({"claim": {"claimName": "code", "path": "a"}}, None, orders.Claim("code", "a")),
    ],
)
def test_code_that_must_be_fetched_is_ordered_from_a_pod(
    source: dict[str, object], oci: orders.Oci | None, claim: orders.Claim | None
) -> None:
    limits = {"ignore": ["*.md"], "maxBytes": "1Ki"}
    job = builders.training_job().spec(source={**source, **limits}, model=None, data=None)

    order = passes.decided(builders.observation(job)).build

    assert order is not None
    assert order.pod is not None
    assert (order.pod.oci, order.pod.claim, order.pod.git) == (oci, claim, None)
    assert (order.pod.ignore, order.pod.max_bytes) == (("*.md",), 1024)


def ordered(settings: policy.Policy | None = None, **image: object) -> plan.BuildOrder:
    job = builders.training_job().cnn().spec(image=image)
    known = {} if settings is None else {"settings": settings}
    order = passes.decided(builders.observation(job), **known).build
    assert order is not None
    return order


def test_an_image_that_goes_elsewhere_is_ordered_from_a_pod() -> None:
    order = ordered(repository="r.example/team/images", pushSecret={"name": "push"})
    assert order.pod is not None
    assert order.repository == order.pod.repository == "r.example/team/images"


def test_the_users_own_secret_is_for_a_pod_alone() -> None:
    assert ordered(pushSecret={"name": "push"}).pod is not None
    assert ordered(pullSecrets=[{"name": "pull"}]).pod is None


def test_a_base_that_the_operator_may_not_read_is_ordered_from_a_pod() -> None:
    known = facts.settings(reaches=lambda image: image.startswith("known.example/"))
    assert ordered(known, base="other.example/base:1").pod is not None
    assert ordered(known, base="known.example/base:1").pod is None
    mounted = {"delivery": "volume", "base": f"other.example/base@{DIGEST}"}
    assert ordered(known, **mounted).pod is None
    assert ordered(known, **{**mounted, "base": "other.example/base:1"}).pod is not None


WAITS = facts.refused("BuildPodWaiting", "no node for the build pod", retry=1e9)


@pytest.mark.parametrize(
    "build",
    [
        None,
        observed.BuildView(),
        observed.BuildView(refusal=WAITS),
        observed.BuildView(refusal=facts.refused("RegistryUnavailable", "is down", retry=5)),
        observed.BuildView(refusal=facts.refused("BaseImageUnsupported", "no", terminal=True)),
    ],
    ids=["not begun", "going on", "waiting for a node", "to be tried again", "refused"],
)
@pytest.mark.parametrize(
    "job",
    [
        builders.training_job().cnn(),
        builders.training_job().script().replicas(2),
        builders.training_job().git("https://git.example/a.git"),
        MOUNTED,
    ],
    ids=["a model", "a gang", "a build pod", "mounted"],
)
def test_nothing_holds_a_node_before_its_image_exists(
    job: builders.TrainingJobBuilder, build: observed.BuildView | None
) -> None:
    """What waits for a build asks the scheduler for nothing: no pod, no accelerator, no quota."""
    seen = builders.observation(job, build=build)

    for now in (0, 1, 30):
        wanted = passes.decided(seen, now=now)
        assert wanted.creates == ()
        seen = passes.stored(seen, wanted)
