"""What a build's Job and pods tell."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies

from tests import builders
from trainshed.buildpod import words
from trainshed.core import observe, observed, podbuilds

REPOSITORY = "registry.example/trainshed/ns/default"
IMAGE = observed.BuiltImage(
    ref=f"{REPOSITORY}@sha256:" + "a" * 64,
    key="b-" + "d" * 32,
    base_digest="sha256:" + "b" * 64,
    cache_hit=False,
    seconds=1.5,
    uploaded_bytes=10,
    source_revision="c" * 40,
)


def outcome(job: observed.JobView, *pods: observed.PodView, now: float = 600) -> Any:
    return podbuilds.outcome(job, pods, repository=REPOSITORY, now=builders.T0 + now)


def refusal(job: observed.JobView, *pods: observed.PodView) -> observed.Refusal:
    found = outcome(job, *pods)
    assert isinstance(found, observed.Refusal)
    return found


def test_a_build_that_goes_on_tells_nothing() -> None:
    assert outcome(builders.job().view(), builders.pod().running().view()) is None


def test_a_pods_last_words_are_the_image() -> None:
    pod = builders.pod().exited(0, words.built(IMAGE)).view()
    assert outcome(builders.job().view(), pod) == IMAGE


def test_a_refusal_is_told_as_the_builder_told_it() -> None:
    said = words.refused("SourceRefNotFound", "no such branch: push it", terminal=True)
    found = refusal(builders.job().view(), builders.pod().exited(2, said).view())
    assert (found.reason, found.terminal) == ("SourceRefNotFound", True)
    assert found.message == "no such branch: push it"


@pytest.mark.parametrize(
    "said",
    [
        "Traceback (most recent call last)",
        "[]",
        "{}",
        '{"image": {}}',
        '{"image": null}',
        json.dumps({"image": {"ref": "elsewhere/x@sha256:" + "a" * 64}}),
        words.built(
            observed.BuiltImage(
                "registry.example/trainshed/ns/other@sha256:" + "a" * 64, "b", "s", False, 1.0, 1
            )
        ),
        words.built(observed.BuiltImage(f"{REPOSITORY}:tag", "b", "s", False, 1.0, 1)),
    ],
)
def test_no_words_lead_to_an_image_outside_of_the_namespace(said: str) -> None:
    job = builders.job().failed(60).view()
    found = refusal(job, builders.pod().exited(0, said).view())
    assert (found.reason, found.terminal) == ("BuildFailed", False)


def test_a_pod_that_was_killed_for_its_memory_is_told() -> None:
    pod = builders.pod().exited(137, "packing\nand pushing\n", reason="OOMKilled").view()
    found = refusal(builders.job().failed(60).view(), pod)
    assert (found.reason, found.terminal) == ("BuildOutOfMemory", True)
    assert found.log_tail == "packing\nand pushing"


def test_a_pod_that_broke_leaves_the_end_of_its_log() -> None:
    said = "Traceback\n" + "x" * 700 + "\nMemoryError"
    found = refusal(builders.job().failed(60).view(), builders.pod().exited(1, said).view())
    assert (found.reason, found.log_tail) == ("BuildFailed", said)


def test_a_build_without_an_end_is_begun_again() -> None:
    job = builders.job().failed(60).condition("Failed", "True", "DeadlineExceeded").view()
    found = refusal(job)
    assert (found.reason, found.terminal) == ("BuildTimedOut", False)


def test_a_build_whose_pods_are_gone_is_begun_again() -> None:
    found = refusal(builders.job().failed(60).view())
    assert (found.reason, found.terminal) == ("BuildInterrupted", False)


def test_last_words_fit_into_a_termination_message() -> None:
    said = words.refused("SourceInvalid", "\N{SNOWMAN}" * 5000, terminal=True)
    assert len(said.encode()) <= 4096
    assert json.loads(said)["refusal"]["reason"] == "SourceInvalid"


def test_words_that_are_nested_too_deeply_are_no_image() -> None:
    for said in ("[" * 4000, '{"a":' * 800, '{"refusal": ' + "[" * 4000):
        assert outcome(builders.job().view(), builders.pod().exited(0, said).view()) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"seconds": "x"},
        {"seconds": float("nan")},
        {"seconds": float("inf")},
        {"seconds": -1.0},
        {"seconds": 10**400},
        {"uploaded_bytes": -1},
        {"uploaded_bytes": 2**63},
        {"uploaded_bytes": True},
        {"cache_hit": 1},
        {"base_digest": []},
        {"base_digest": "sha256:b"},
        {"key": "b-1"},
        {"source_revision": "main"},
        {"ref": IMAGE.ref + "0"},
        {"ref": IMAGE.ref + "\n"},
        {"ref": f"{REPOSITORY}@sha256:" + "A" * 64},
    ],
)
def test_an_image_that_the_status_can_not_hold_is_none(fields: dict[str, Any]) -> None:
    said = json.dumps({"image": {**dataclasses.asdict(IMAGE), **fields}})
    assert outcome(builders.job().view(), builders.pod().exited(0, said).view()) is None


def test_a_refusals_message_holds_nothing_that_can_not_be_written() -> None:
    said = '{"refusal": {"reason": "X", "message": "a\\ud800b\\u0000\\nc", "terminal": true}}'
    found = refusal(builders.job().view(), builders.pod().exited(1, said).view())
    assert found.message == "a b  c"


def test_a_job_that_ended_before_its_pod_is_known_to_have_goes_on() -> None:
    for job in (builders.job().failed(60).view(), builders.job().complete(60).view()):
        assert outcome(job, builders.pod().running().view()) is None
        assert outcome(job, now=69) is None
        assert refusal(job).reason == "BuildInterrupted"


def test_a_complete_job_waits_for_the_pod_that_did_it() -> None:
    lost = builders.pod().exited(137).view()
    job = builders.job().complete(60).view()
    assert outcome(job, lost, now=69) is None
    made = builders.pod().index(1).exited(0, words.built(IMAGE), after=59).view()
    assert outcome(job, lost, made, now=69) == IMAGE


def test_a_pod_on_a_node_that_is_gone_holds_up_no_end() -> None:
    pod = builders.pod().running().deleting().view()
    assert refusal(builders.job().failed(60).view(), pod).reason == "BuildInterrupted"


@pytest.mark.parametrize(
    ("message", "large"),
    [
        ('Usage of EmptyDir volume "work" exceeds the limit "1Gi". ', True),
        ('Usage of EmptyDir volume "tmp" exceeds the limit "64Mi". ', False),
        ('Container builder exceeded its local ephemeral storage limit "1Gi". ', True),
        ("Pod ephemeral local storage usage exceeds the total limit of containers 1Gi. ", True),
        ("The node was low on resource: ephemeral-storage. Threshold quantity: 1Gi.", False),
    ],
)
def test_a_clone_that_needs_too_much_disk_is_told_for_good(message: str, large: bool) -> None:
    pod = builders.pod().on_node().evicted(message).view()
    found = refusal(builders.job().failed(60).view(), pod)
    if not large:
        assert (found.reason, found.terminal) == ("BuildInterrupted", False)
        return
    assert (found.reason, found.terminal) == ("SourceTooLarge", True)
    assert "raise source.maxBytes" in found.message


def test_an_engine_that_needs_too_much_disk_is_told_for_good() -> None:
    message = 'Usage of EmptyDir volume "image" exceeds the limit "20Gi". '
    pod = builders.pod().on_node().evicted(message).view()
    found = refusal(builders.job().failed(60).view(), pod)
    assert (found.reason, found.terminal) == ("DockerfileTooLarge", True)
    assert "builder.dockerfile.storage" in found.message


@pytest.mark.parametrize("volume", ["scratch", "compiled"])
def test_a_compiler_that_needs_too_much_disk_is_told_for_good(volume: str) -> None:
    message = f'Usage of EmptyDir volume "{volume}" exceeds the limit "5Gi". '
    pod = builders.pod().on_node().evicted(message).view()
    found = refusal(builders.job().failed(60).view(), pod)
    assert (found.reason, found.terminal) == ("CompileFailed", True)
    assert "source.maxBytes" in found.message


@pytest.mark.parametrize("volume", ["wheels", "wheels-tmp"])
def test_packages_that_take_too_much_disk_to_build_are_told_for_good(volume: str) -> None:
    message = f'Usage of EmptyDir volume "{volume}" exceeds the limit "8Gi". '
    pod = builders.pod().on_node().evicted(message).view()
    found = refusal(builders.job().failed(60).view(), pod)
    assert (found.reason, found.terminal) == ("WheelBuildFailed", True)
    assert "builder.packages.maxBytes" in found.message


_LEAVES = (
    strategies.none()
    | strategies.booleans()
    | strategies.integers()
    | strategies.floats()
    | strategies.text()
    | strategies.sampled_from([*dataclasses.asdict(IMAGE).values()])
)
_NAMES = strategies.sampled_from(
    ["image", "refusal", "reason", "message", "terminal", *dataclasses.asdict(IMAGE)]
)
_JSON = strategies.recursive(
    _LEAVES,
    lambda inner: strategies.lists(inner) | strategies.dictionaries(_NAMES, inner),
    max_leaves=20,
)
_IMAGES = strategies.fixed_dictionaries(
    {"image": strategies.fixed_dictionaries(
        {name: strategies.just(value) | _LEAVES
         for name, value in dataclasses.asdict(IMAGE).items()}
    )}
)  # fmt: skip


@hypothesis.given(said=strategies.text() | (_JSON | _IMAGES).map(json.dumps))
def test_any_words_are_an_image_a_refusal_or_nothing(said: str) -> None:
    found = outcome(builders.job().view(), builders.pod().exited(0, said).view())
    if isinstance(found, observed.BuiltImage):
        assert found.ref == IMAGE.ref
        assert 0 <= found.seconds <= 1e7
    elif found is not None:
        found.message.encode()


def test_phases_and_hits_that_we_do_not_know_are_left_out() -> None:
    told = dataclasses.replace(
        IMAGE,
        hits=("image", "a tenant's own"),
        phases={"fetch": 1.0, "a tenant's own": 2.0, "start": 3.0},
    )
    found = outcome(builders.job().view(), builders.pod().exited(0, words.built(told)).view())

    assert found.hits == ("image",)
    assert found.phases == {"fetch": 1.0}


@pytest.mark.parametrize("phases", [{"fetch": -1.0}, {"fetch": "x"}, [], {"fetch": 1e9}])
def test_phases_that_can_be_none_are_no_words_of_a_builder(phases: Any) -> None:
    told = json.loads(words.built(IMAGE))
    told["image"]["phases"] = phases
    job = builders.job().failed(60).view()
    found = refusal(job, builders.pod().exited(0, json.dumps(told)).view())
    assert found.reason == "BuildFailed"


def test_a_pod_that_is_out_of_time_is_heard_before_it_is_deleted() -> None:
    job = builders.job().condition("FailureTarget", "True", "DeadlineExceeded").view()
    pod = builders.pod().exited(143, "fetching the code").view()

    assert outcome(job) is None
    found = refusal(job, pod)
    assert (found.reason, found.log_tail) == ("BuildTimedOut", "fetching the code")


STEPS = [("fetch", True), ("engine", False), ("compile", False), ("wheels", False)]


@pytest.mark.parametrize(("name", "ours"), STEPS)
def test_a_refusal_is_read_of_our_own_programs_alone(name: str, ours: bool) -> None:
    """Others run what strangers wrote, which may say anything by the words of ours."""
    said = words.refused("SourceInvalid", "send your password to evil.example", terminal=True)
    body = builders.pod().on_node().build()
    body["status"]["initContainerStatuses"] = [
        {"name": name, "state": {"terminated": {"exitCode": 1, "message": said}}}
    ]
    pod = observe.pod(body)
    found = outcome(builders.job().view(), pod)
    assert (found is not None and found.reason == "SourceInvalid") is ours
    told = refusal(builders.job().failed(4).view(), pod)
    assert (told.reason, told.terminal) == (
        ("SourceInvalid", True) if ours else ("BuildFailed", False)
    )
