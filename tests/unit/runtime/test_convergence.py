"""Whatever happens in whatever order, a job comes to one end, and nothing is made twice."""

from __future__ import annotations

import dataclasses

import hypothesis
from hypothesis import strategies

from tests import builders
from tests.unit.runtime import plays
from tests.unit.runtime import process as processes


@plays.settings
@hypothesis.given(
    tape=plays.TAPES,
    fate=strategies.sampled_from(sorted(plays.FATES)),
    maker=strategies.sampled_from(sorted(plays.MAKERS)),
    job=strategies.sampled_from(sorted(plays.JOBS)),
)
def test_any_interleaving_comes_to_the_same_end(
    tape: list[int], fate: str, maker: str, job: str
) -> None:
    async def work() -> None:
        play = plays.Play(plays.Script(tape), fate=plays.FATES[fate], maker=plays.MAKERS[maker]())
        uid = play.world.apply(plays.JOBS[job]())

        await play.run()

        phase = "Succeeded" if plays.FATES[fate].good else "Failed"
        assert play.world.status()["phase"] == phase
        assert play.world.children == {uid: 1}
        await plays.writes_nothing(play)
        await play.close()

    plays.played(work)


@plays.settings
@hypothesis.given(tape=plays.TAPES, job=strategies.sampled_from(["a model", "a ConfigMap"]))
def test_an_image_that_cant_be_made_ends_the_job_without_a_child(tape: list[int], job: str) -> None:
    async def work() -> None:
        play = plays.Play(plays.Script(tape), fate=plays.GOOD, maker=processes.Maker(terminal=True))
        play.world.apply(plays.JOBS[job]())

        await play.run()

        assert play.world.status()["phase"] == "Failed"
        assert not play.world.children
        await plays.writes_nothing(play)
        await play.close()

    plays.played(work)


@plays.settings
@hypothesis.given(tape=plays.TAPES)
def test_a_registry_that_stays_down_ends_the_job(tape: list[int]) -> None:
    async def work() -> None:
        play = plays.Play(
            plays.Script(tape), fate=plays.GOOD, maker=processes.Maker(refusals=10_000)
        )
        play.world.apply(builders.training_job().cnn())

        await play.run()

        assert play.world.status()["phase"] == "Failed"
        assert not play.world.children
        await play.close()

    plays.played(work)


@plays.settings
@hypothesis.given(tape=plays.TAPES, maker=strategies.sampled_from(["found", "slow"]))
def test_a_job_that_goes_well_takes_few_writes(tape: list[int], maker: str) -> None:
    async def work() -> None:
        play = plays.Play(
            plays.Script(tape, kills=False), fate=plays.GOOD, maker=plays.MAKERS[maker]()
        )
        play.world.apply(builders.training_job().cnn())

        await play.run()

        assert play.world.status()["phase"] == "Succeeded"
        assert play.world.writes.total() <= 16
        # A start that is silent for long may be asked about; nothing else is ever read.
        assert set(play.world.reads) <= {"events"}
        await play.close()

    plays.played(work)


@plays.settings
@hypothesis.given(
    tape=plays.TAPES,
    fate=strategies.sampled_from(["succeeds", "fails"]),
    maker=strategies.sampled_from(sorted(plays.MAKERS)),
)
def test_a_job_made_anew_under_its_old_name_runs_once(
    tape: list[int], fate: str, maker: str
) -> None:
    async def work() -> None:
        script = plays.Script(tape)
        play = plays.Play(script, fate=plays.FATES[fate], maker=plays.MAKERS[maker]())
        uids = [play.world.apply(builders.training_job().cnn())]

        def again() -> None:
            play.world.delete()
            uids.append(play.world.apply(builders.training_job().cnn()))

        script.interrupts.append(again)
        await play.run()

        phase = "Succeeded" if plays.FATES[fate].good else "Failed"
        assert play.world.status()["phase"] == phase
        assert play.world.children[uids[1]] == 1
        assert play.world.children[uids[0]] <= 1
        (child,) = play.world.objects[plays.Kind.JOB].values()
        assert child["metadata"]["ownerReferences"][0]["uid"] == uids[1]
        await play.close()

    plays.played(work)


@plays.settings
@hypothesis.given(tape=plays.TAPES, maker=strategies.sampled_from(sorted(plays.MAKERS)))
def test_a_job_that_is_deleted_leaves_nothing(tape: list[int], maker: str) -> None:
    async def work() -> None:
        script = plays.Script(tape)
        play = plays.Play(script, fate=plays.GOOD, maker=plays.MAKERS[maker]())
        play.world.apply(builders.training_job().cnn())
        script.interrupts.append(play.world.delete)

        await play.run()

        assert not any(play.world.objects.values())
        assert play.process.cache.job(plays.KEY) is None
        await play.close()

    plays.played(work)


@plays.settings
@hypothesis.given(
    tape=plays.TAPES,
    fate=strategies.sampled_from(sorted(plays.FATES)),
    index=strategies.integers(0, 2),
)
def test_several_pods_come_to_one_end_whichever_of_them_fails(
    tape: list[int], fate: str, index: int
) -> None:
    async def work() -> None:
        play = plays.Play(
            plays.Script(tape), fate=dataclasses.replace(plays.FATES[fate], index=index)
        )
        uid = play.world.apply(builders.training_job().cnn().training(batchSize=63).replicas(3))

        await play.run()

        status = play.world.status()
        assert status["phase"] == ("Succeeded" if plays.FATES[fate].good else "Failed")
        assert play.world.children == {uid: 1}
        assert len(play.world.services) == 1
        if fate in ("fails", "is evicted"):
            assert status["failure"]["rank"] == index
        await plays.writes_nothing(play)
        await play.close()

    plays.played(work)


@plays.settings
@hypothesis.given(tape=plays.TAPES)
def test_several_pods_that_go_well_take_few_writes(tape: list[int]) -> None:
    async def work() -> None:
        play = plays.Play(plays.Script(tape, kills=False), fate=plays.GOOD)
        play.world.apply(builders.training_job().cnn().training(batchSize=63).replicas(3))

        await play.run()

        assert play.world.status()["phase"] == "Succeeded"
        assert play.world.writes.total() <= 16
        await play.close()

    plays.played(work)


@plays.settings
@hypothesis.given(tape=plays.TAPES)
def test_a_service_goes_with_its_job(tape: list[int]) -> None:
    async def work() -> None:
        script = plays.Script(tape)
        play = plays.Play(script, fate=plays.GOOD)
        play.world.apply(builders.training_job().cnn().training(batchSize=63).replicas(3))
        script.interrupts.append(play.world.delete)

        await play.run()

        assert not any(play.world.objects.values())
        assert not play.world.services
        await play.close()

    plays.played(work)
