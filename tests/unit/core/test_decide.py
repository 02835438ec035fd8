"""The life of a job that goes well, one pass after the other."""

import dataclasses

from tests import builders, facts
from tests.unit.core import passes
from trainshed.api import phases
from trainshed.core import observed, plan

Phase = phases.Phase


class Life:
    """One job whose observations and stored status go on from pass to pass."""

    def __init__(self, job: builders.TrainingJobBuilder) -> None:
        self.seen = builders.observation(job)
        self.plan = plan.Plan()

    def sees(self, now: float, **facts: object) -> plan.Plan:
        """Let a pass see new facts, and store its status."""
        self.seen = dataclasses.replace(self.seen, **facts)  # type: ignore[arg-type]
        self.plan = passes.decided(self.seen, now=now)
        self.seen = passes.stored(self.seen, self.plan)
        return self.plan

    def sees_children(
        self, now: float, job: builders.JobBuilder, pod: builders.PodBuilder | None = None
    ) -> plan.Plan:
        """Let a pass see the child Job and its pod."""
        return self.sees(now, workload=job.view(), pods=(pod.view(),) if pod else ())


def test_a_new_job_asks_for_its_image() -> None:
    life = Life(builders.training_job().cnn().epochs(3))

    wanted = life.sees(0.1)

    assert wanted.build is not None
    assert wanted.build.base == builders.BASE
    assert wanted.build.source_entrypoint == ()
    assert not wanted.creates
    assert passes.read(wanted).phase is Phase.BUILDING
    assert passes.reasons(wanted) == {
        "Accepted": ("True", "SpecAccepted"),
        "ImageReady": ("False", "Building"),
    }


def test_a_built_image_lets_the_same_pass_create_the_job() -> None:
    life = Life(builders.training_job().cnn())

    wanted = life.sees(0.3, build=facts.built())

    (manifest,) = wanted.creates
    assert manifest["metadata"]["name"] == "gestures-1"
    containers = manifest["spec"]["template"]["spec"]["containers"]
    assert [each["image"] for each in containers] == [builders.IMAGE]
    assert passes.read(wanted).phase is Phase.STARTING
    assert passes.condition(wanted, "ImageReady")[:2] == ("True", "ImageBuilt")


def test_an_image_in_the_registry_is_told_apart_from_a_built_one() -> None:
    wanted = Life(builders.training_job().cnn()).sees(0.1, build=facts.built(cache_hit=True))

    assert passes.condition(wanted, "ImageReady")[:2] == ("True", "ImageFound")
    image = passes.read(wanted).image
    assert image is not None
    assert image.cache_hit


def test_a_ready_image_is_run_without_a_build() -> None:
    wanted = Life(builders.training_job().command("python", "x.py", image="own:1")).sees(0.1)

    assert wanted.build is None
    assert passes.condition(wanted, "ImageReady")[:2] == ("True", "ImageGiven")
    container = wanted.creates[0]["spec"]["template"]["spec"]["containers"][0]
    assert (container["image"], container["command"]) == ("own:1", ["python", "x.py"])


def test_a_job_goes_through_its_phases_to_its_result() -> None:
    life, job, pod = Life(builders.training_job().cnn()), builders.job(), builders.pod()
    seen: list[tuple[str, str]] = []

    def note(wanted: plan.Plan) -> None:
        status = passes.read(wanted)
        newest = {each.type: each.reason for each in status.conditions}
        seen.append((str(status.phase), list(newest.values())[-1]))

    note(life.sees(0.1))
    life.sees(0.3, build=facts.built())
    note(life.sees_children(0.4, job.active()))
    note(life.sees_children(0.5, job, pod))
    note(life.sees_children(2.1, job, pod.on_node()))
    note(life.sees_children(3.1, job, pod.running()))
    note(life.sees_children(30.2, job.complete(30), pod.succeeded()))

    assert seen == [
        ("Building", "Building"),
        ("Starting", "ImageBuilt"),
        ("Starting", "WaitingForScheduler"),
        ("Starting", "ContainerStarting"),
        ("Running", "Training"),
        ("Succeeded", "Completed"),
    ]
    final = passes.read(life.plan)
    assert final.result is not None
    assert (final.result.samples, final.result.samples_per_second) == (6400, 800.0)
    assert (final.result.seconds, final.result.accuracy) == (8.0, 0.97)
    assert (final.start_time, final.completion_time) == (builders.at(3), builders.at(30))


def test_the_end_gives_the_accounts_figures_to_progress() -> None:
    life, job, pod = Life(builders.training_job().cnn()), builders.job(), builders.pod()
    life.sees(0.3, build=facts.built())
    life.sees(3.1, progress=facts.progress(40, received=3.1, samples_per_second=700.0))
    life.sees_children(3.2, job.active(), pod.on_node().running())
    life.sees_children(30.2, job.complete(30), pod.succeeded())

    progress = passes.read(life.plan).progress
    assert progress is not None
    assert (progress.step, progress.percent, progress.samples_per_second) == (100, 100, 800.0)
    assert progress.estimated_remaining_seconds == 0


def test_a_finished_job_is_left_alone_whatever_is_seen() -> None:
    life, job, pod = Life(builders.training_job().cnn()), builders.job(), builders.pod()
    life.sees(0.3, build=facts.built())
    life.sees_children(30.2, job.active().complete(30), pod.on_node().succeeded())

    assert passes.read(life.plan).phase is Phase.SUCCEEDED
    assert life.sees(31, workload=None, pods=(), build=None) == plan.Plan()
    assert life.sees_children(32, builders.job().failed(31)) == plan.Plan()


def test_a_job_that_is_being_deleted_is_left_alone() -> None:
    seen = builders.observation(builders.training_job().cnn().deleting())

    assert passes.decided(seen) == plan.Plan()


def test_a_job_whose_child_exists_is_not_created_again() -> None:
    life = Life(builders.training_job().cnn())
    life.sees(0.3, build=facts.built())

    assert not life.sees_children(0.4, builders.job()).creates
    assert not life.sees_children(0.5, builders.job().active(), builders.pod()).creates


def test_the_image_of_a_child_that_exists_is_not_built_again_after_a_restart() -> None:
    life = Life(builders.training_job().cnn())

    wanted = life.sees_children(60, builders.job().active(), builders.pod().on_node().running())

    assert wanted.build is None
    assert not wanted.creates
    status = passes.read(wanted)
    assert status.phase is Phase.RUNNING
    assert status.image is not None
    assert status.image.ref == builders.IMAGE


def test_each_change_of_a_condition_is_one_event() -> None:
    life, job, pod = Life(builders.training_job().cnn()), builders.job(), builders.pod()

    assert not life.sees(0.1).notices
    life.sees(0.3, build=facts.built())
    assert [each.reason for each in life.plan.notices] == ["ImageBuilt"]
    life.sees_children(2.1, job.active(), pod.on_node())
    assert [each.reason for each in life.plan.notices] == ["Scheduled"]
    life.sees_children(3.1, job, pod.running())
    assert [each.reason for each in life.plan.notices] == ["Training"]
    life.sees_children(30.2, job.complete(30), pod.succeeded())
    assert [each.reason for each in life.plan.notices] == ["Completed"]
    assert not any(each.warning for each in life.plan.notices)


def test_a_pod_of_another_job_does_not_speak_for_this_one() -> None:
    stranger = builders.pod().owned_by("job-uid-0").on_node("node-9").running().view()
    seen = builders.observation(workload=builders.job(), build=facts.built())
    seen = dataclasses.replace(seen, pods=(stranger,))

    assert passes.reasons(passes.decided(seen)).get("Running") is None


def test_the_newest_pod_of_the_job_speaks_for_it() -> None:
    old = builders.pod().created(1).on_node("node-1").evicted().view()
    new = builders.pod().created(5).on_node("node-2").running().view()
    new = dataclasses.replace(new, uid=observed.Uid("pod-uid-2"))
    seen = builders.observation(workload=builders.job().active(), build=facts.built())

    wanted = passes.decided(dataclasses.replace(seen, pods=(new, old)))

    assert passes.condition(wanted, "Running") == ("True", "Training", "on node node-2")
