"""What of a spec only the operator can see."""

import pytest

from tests import builders
from tests.unit.core import passes
from trainshed.api import phases
from trainshed.core import scripts


def test_a_spec_of_a_newer_version_waits_and_says_what_to_do() -> None:
    wanted = passes.decided(builders.observation(builders.training_job().spec(framework="jax")))

    status, reason, message = passes.condition(wanted, "Accepted")
    assert (status, reason) == ("False", "SpecInvalid")
    assert message.startswith("spec.framework: ")
    assert "upgrade the operator" in message
    assert passes.read(wanted).phase is phases.Phase.PENDING
    assert wanted.build is None
    assert not wanted.creates
    assert [(each.warning, each.reason) for each in wanted.notices] == [(True, "SpecInvalid")]


def test_an_entry_point_that_is_no_file_fails_the_job_at_once() -> None:
    job = builders.training_job().inline({"main.py": "", "lib/net.py": ""})

    wanted = passes.decided(builders.observation(job))

    status = passes.read(wanted)
    assert status.phase is phases.Phase.FAILED
    assert passes.condition(wanted, "Accepted")[:2] == ("False", "EntryPointNotFound")
    assert passes.condition(wanted, "Failed") == (
        "True",
        "EntryPointNotFound",
        "entry point 'train.py' is not among the files (lib/net.py, main.py): "
        "create the job anew with source.entrypoint set to one of them",
    )
    assert status.failure is not None
    assert status.failure.class_ == "UserCode"
    assert status.failure.advice is not None
    assert "log" not in status.failure.advice, "there was no container to have a log"
    assert wanted.build is None
    assert not wanted.creates


@pytest.mark.parametrize(
    "entrypoint",
    [
        ["python", "train.py"],
        ["python3", "./train.py", "--fast"],
        ["python", "/app/train.py"],
        ["python", "/app//train.py"],
        ["python", "lib/../train.py"],
        ["python", "lib//net.py"],
        ["python", "-m", "somewhere.else"],
        ["python", "-u", "missing.py"],
        ["python"],
        ["bash", "-c", "python missing.py"],
        ["torchrun", "missing.py"],
        ["python", "/opt/tools/run.py"],
        ["python", "../train.py"],
        ["python", "tool"],
    ],
    ids=" ".join,
)
def test_an_entry_point_that_may_exist_is_let_through(entrypoint: list[str]) -> None:
    files = ["train.py", "lib/net.py", "tool/__main__.py"]

    assert scripts.missing(entrypoint, files) is None


@pytest.mark.parametrize(
    "entrypoint",
    [
        ["python", "missing.py"],
        ["python3", "/app/missing.py"],
        ["python", "lib/train.py"],
        ["python", "lib"],
        ["python", ""],
    ],
    ids=" ".join,
)
def test_an_entry_point_that_no_file_can_be_is_refused(entrypoint: list[str]) -> None:
    refusal = scripts.missing(entrypoint, ["train.py", "lib/net.py"])

    assert refusal is not None
    assert refusal.terminal
    assert "lib/net.py, train.py" in refusal.message


def test_a_long_list_of_files_is_cut_in_the_message() -> None:
    files = [f"part{number:02}.py" for number in range(64)]

    refusal = scripts.missing(["python", "train.py"], files)

    assert refusal is not None
    assert "part07.py" in refusal.message
    assert "part08.py" not in refusal.message
