"""What an engine's words mean. Those of buildah are as it said them in a pod."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies

from trainshed.buildpod import verdicts
from trainshed.builds import dockerfiles

ASKED = dockerfiles.Dockerfile("Dockerfile")
SAID = {
    "a step that fails": (
        "STEP 2/2: RUN pip install nothing-of-this-name\nERROR: No matching distribution found\n"
        'Error: building at STEP "RUN pip": while running runtime: exit status 1',
        "DockerfileFailed",
        True,
    ),
    "a step that fails, by BuildKit": (
        '#5 [2/2] RUN false\n------\nerror: failed to solve: process "/bin/sh -c false" did not'
        " complete successfully: exit code: 1",
        "DockerfileFailed",
        True,
    ),
    "a base that is not there": (
        "Error: creating build container: initializing source docker://r/a:1: reading manifest 1 in"
        " r/a: manifest unknown: manifest unknown",
        "BaseImageNotFound",
        True,
    ),
    "a base that is not there, by BuildKit": (
        "error: failed to solve: r/a:1: failed to resolve source metadata for r/a:1: r/a:1: not"
        " found",
        "BaseImageNotFound",
        True,
    ),
    "a base that may not be read": (
        "Error: creating build container: initializing source docker://r/a:1: unable to retrieve"
        " auth token: invalid username/password: unauthorized",
        "RegistryUnauthorized",
        True,
    ),
    "a registry that is down": (
        "Error: creating build container: initializing source docker://r/a:1: pinging container"
        " registry r: dial tcp 10.0.0.1:443: connect: connection refused",
        "RegistryUnavailable",
        False,
    ),
    "a registry by another authority": (
        "Error: creating build container: pinging container registry r: tls: failed to verify"
        " certificate: x509: certificate signed by unknown authority",
        "RegistryCertificateUnknown",
        True,
    ),
    "a disk that is full": (
        "OSError: [Errno 28] No space left on device\nError: exit status 1",
        "BuildNodeFull",
        False,
    ),
    "a node without user namespaces": (
        "cannot clone: Operation not permitted\nError: cannot re-exec process",
        "StrategyUnavailable",
        True,
    ),
    "an engine that does not start": (
        "could not connect to unix:///image/run/buildkit/buildkitd.sock after 60 trials\n"
        "[rootlesskit:parent] error: failed to setup UID/GID map",
        "StrategyUnavailable",
        True,
    ),
    "a step that was killed": (
        'Error: building at STEP "RUN python big.py": while running runtime: exit status 137',
        "BuildOutOfMemory",
        True,
    ),
    "a step that was killed, in buildah's words": (
        "STEP 2/2: RUN python big.py\nsubprocess exited on killed\nsubprocess exited with status 1"
        '\nError: building at STEP "RUN python big.py": exit status 1',
        "BuildOutOfMemory",
        True,
    ),
    "nothing at all": ("", "DockerfileFailed", True),
}


@pytest.mark.parametrize(("said", "reason", "terminal"), SAID.values(), ids=SAID)
def test_what_the_engine_said_has_a_reason(said: str, reason: str, terminal: bool) -> None:
    found = verdicts.of(said, ASKED)
    assert (found.reason, found.terminal) == (reason, terminal)


def test_a_steps_last_lines_are_in_the_message() -> None:
    said = "\n".join(f"line {number}" for number in range(100)) + "\n\x1b[31mthe cause\x1b[0m\n"
    message = str(verdicts.of(said, ASKED))
    assert "line 99 | the cause" in message
    assert "line 50" not in message


def test_only_the_step_that_failed_is_shown_and_no_line_twice() -> None:
    said = "STEP 1/2: FROM a\nCopying blob\nSTEP 2/2: RUN x\nno x\nexited\nexited\n"
    assert str(verdicts.of(said, ASKED)).endswith("its last lines: STEP 2/2: RUN x | no x | exited")


def test_words_of_a_step_long_before_the_end_decide_nothing() -> None:
    said = "no space left on device\n" + "going on\n" * 50 + "Error: exit status 1"
    assert verdicts.of(said, ASKED).reason == "DockerfileFailed"


@given(strategies.text(max_size=5000))
def test_whatever_is_said_there_is_a_message_that_a_status_can_hold(said: str) -> None:
    message = str(verdicts.of(said, ASKED))
    assert message.isprintable()
    assert len(message) < 1500
