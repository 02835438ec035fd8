"""Which steps are traced, and what becomes of a profiler that fails: without a framework."""

from __future__ import annotations

import json
import pathlib
import resource
from collections.abc import Callable

import pytest

from trainshed_trainer import accounts, claims, context, errors, observing, schema
from trainshed_trainer.run import Run
from trainshed_trainer.tracing import profiles
from trainshed_trainer.training import ranks

pytestmark = pytest.mark.numpy


class FakeTracer:
    """Writes down between which steps it was on."""

    FAILURES = (OSError,)

    def __init__(self, run: Run, *, fails: str = "") -> None:
        self.run, self.fails = run, fails
        self.told: list[tuple[str, int]] = []

    def begin(self, folder: pathlib.Path) -> Callable[[], None]:
        self._tell("begin")

        def end() -> None:
            self._tell("end")
            (folder / "trace.json").write_text("a trace")

        return end

    def _tell(self, what: str) -> None:
        if self.fails == what:
            raise OSError(f"can't {what}")
        self.told.append((what, self.run.step))


def traced(
    job: context.Context, folder: pathlib.Path, asked: schema.Profile, *, steps: int = 6, **how: str
) -> FakeTracer:
    """Take some steps, and close what was left open."""
    with Run(known=job) as run:
        tracer = FakeTracer(run, **how)
        profile = profiles.Profile(asked, folder=str(folder), tracer=lambda: tracer)
        for _ in run.steps(range(steps), samples=1):
            profile.stepping(run)
            run.log(loss=0.5)
        profile.stepping(run)
        profile.finished(run)
    profile.close()
    return tracer


def account(job: context.Context) -> dict[str, object]:
    found: dict[str, object] = json.loads(pathlib.Path(job.account_file).read_text())["account"]
    return found


def warnings(job: context.Context) -> list[str]:
    found = account(job)["warnings"]
    assert isinstance(found, list)
    return found


def test_so_many_steps_are_traced_from_the_one_asked_for(
    job: context.Context, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tracer = traced(job, tmp_path, schema.Profile(at_step=2, steps=3))

    assert tracer.told == [("begin", 2), ("end", 5)]
    assert account(job)["traces"] == ["traces/step-2/trace.json"]
    assert "traced steps 2 to 5: 0.0 MB in traces/step-2/trace.json" in capsys.readouterr().err


def test_a_trace_ends_with_the_run(job: context.Context, tmp_path: pathlib.Path) -> None:
    tracer = traced(job, tmp_path, schema.Profile(at_step=4, steps=100))

    assert tracer.told == [("begin", 4), ("end", 6)]
    assert (tmp_path / "traces" / "step-4" / "trace.json").read_text() == "a trace"


def test_a_run_that_ends_before_the_step_says_so(
    job: context.Context, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tracer = traced(job, tmp_path, schema.Profile(at_step=7))

    assert tracer.told == []
    assert "traces" not in account(job)
    assert "ProfileFailed: no trace: the run ended after 6 steps" in capsys.readouterr().err
    assert account(job)["warnings"] == [
        "ProfileFailed: no trace: the run ended after 6 steps:"
        " set visualization.profile.atStep lower"
    ]


@pytest.mark.parametrize("fails", ["begin", "end"])
def test_a_profiler_that_fails_disturbs_no_run_and_is_told_of(
    fails: str, job: context.Context, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    traced(job, tmp_path, schema.Profile(at_step=1, steps=2), fails=fails)

    assert (account(job)["outcome"], account(job)["steps"]) == ("succeeded", 6)
    assert "traces" not in account(job)
    assert account(job)["warnings"] == [f"ProfileFailed: no trace: can't {fails}"]
    assert capsys.readouterr().err.count(f"ProfileFailed: no trace: can't {fails}") == 1


def test_a_folder_that_takes_no_files_disturbs_no_run_and_is_told_of(
    job: context.Context, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "traces").write_text("a file")

    tracer = traced(job, tmp_path, schema.Profile(at_step=1, steps=2))

    assert tracer.told == []
    (warning,) = warnings(job)
    assert "File exists" in warning or "Not a directory" in warning
    assert capsys.readouterr().err.count("ProfileFailed") == 1


def test_a_run_that_is_cut_short_leaves_no_profiler_on(
    job: context.Context, tmp_path: pathlib.Path
) -> None:
    run = Run(known=job)
    tracer = FakeTracer(run)
    asked = schema.Profile(at_step=0, steps=5)
    profile = profiles.Profile(asked, folder=str(tmp_path), tracer=lambda: tracer)

    profile.stepping(run)
    profile.close()
    profile.close()

    assert tracer.told == [("begin", 0), ("end", 0)]


@pytest.mark.parametrize(
    "asked",
    [{"tensorboard": {"enabled": True}}, {"profile": {"atStep": 3}}],
    ids=["TensorBoard", "a trace"],
)
def test_what_is_to_be_looked_at_needs_a_folder_and_is_the_first_processs(asked: object) -> None:
    spec = schema.read({"visualization": asked})

    def watching(rank: int) -> list[object]:
        among, known = ranks.Ranks(rank, 2), context.Context()
        return list(observing.observers_of(spec, None, None, known=known, among=among))  # type: ignore[arg-type]

    assert watching(1) == []
    with pytest.raises(errors.ConfigurationError, match="set TRAINSHED_ARTIFACTS_DIR"):
        watching(0)


@pytest.mark.parametrize("asked", [{}, {"visualization": {"profile": {}}}], ids=["none", "a trace"])
def test_a_place_that_takes_no_files_is_told_of_before_anything_is_trained(
    asked: object, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "taken").write_text("a file")
    spec, known = (
        schema.read(asked),
        context.Context(artifacts_dir=str(tmp_path / "taken" / "runs")),
    )

    with pytest.raises(errors.ArtifactsError, match=r"pod\.fsGroup, may write to") as raised:
        observing.observers_of(spec, None, None, known=known, among=ranks.ALONE)  # type: ignore[arg-type]

    assert (raised.value.reason, raised.value.failure_class) == ("ArtifactsNotWritten", "Data")
    other = ranks.Ranks(1, 2)
    assert observing.observers_of(spec, None, None, known=known, among=other) == []  # type: ignore[arg-type]


def test_a_volume_that_is_full_is_told_of_before_anything_is_trained(
    tmp_path: pathlib.Path,
) -> None:
    known = context.Context(artifacts_dir=str(tmp_path / "runs"))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        with pytest.raises(errors.ArtifactsError, match="neither full nor read-only"):
            observing.observers_of(
                schema.read({}),
                None,  # type: ignore[arg-type]
                None,  # type: ignore[arg-type]
                known=known,
                among=ranks.ALONE,
            )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert list((tmp_path / "runs").iterdir()) == []


def test_a_run_that_asks_for_neither_is_watched_by_neither(tmp_path: pathlib.Path) -> None:
    known = context.Context(artifacts_dir=str(tmp_path))
    for spec in (schema.read({}), schema.read({"visualization": {"profile": None}})):
        found = observing.observers_of(spec, None, None, known=known, among=ranks.ALONE)  # type: ignore[arg-type]
        assert [type(each).__name__ for each in found] == ["History", "Report"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"profile": {"steps": 0}}, "profile.steps must be at least 1"),
        ({"profile": {"steps": 101}}, "at most 100"),
        ({"profile": {"atStep": -1}}, "profile.atStep must be at least 0"),
        ({"tensorboard": {"enabled": 1}}, "visualization.tensorboard.enabled must be bool"),
        ({"traces": True}, "unknown fields: traces"),
    ],
    ids=str,
)
def test_what_can_not_be_looked_at_is_refused_at_once(asked: object, said: str) -> None:
    with pytest.raises(errors.ConfigurationError) as raised:
        schema.read({"visualization": asked})

    assert said in str(raised.value)


def test_the_launcher_passes_on_the_paths_of_traces_alone() -> None:
    left = {"traces": ["traces/step-2/a", 7, None, "x" * 300, *map(str, range(20))]}

    kept = claims.account(left)["traces"]

    assert kept[:2] == ["traces/step-2/a", "x" * claims.LONGEST_PATH]
    assert len(kept) <= claims.MOST_TRACES
    assert "traces" not in claims.account({"traces": "a/path"})


def test_the_launcher_passes_on_some_warnings_of_some_length() -> None:
    left = {"warnings": ["TensorBoardFailed", 7, "x" * 300, "beyond"]}

    assert claims.account(left)["warnings"] == ["TensorBoardFailed", "x" * accounts.MAX_WARNING]
    assert "warnings" not in claims.account({"warnings": "words"})
