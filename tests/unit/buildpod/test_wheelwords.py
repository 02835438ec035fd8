"""What a build of packages has said, in words that uv and build backends were seen to use."""

from __future__ import annotations

import pytest

from trainshed.buildpod import wheelwords

INDEX = "https://index.example/simple"
BROKEN = """\
error: Failed to build `broken==1.0`
  cause: The build backend returned an error
  cause: Call to `backend.build_wheel` failed (exit status: 1)

[stderr]
Traceback (most recent call last):
  File "<string>", line 11, in <module>
RuntimeError: no such luck

hint: This usually indicates a problem with the package or the build environment.
"""
UNMET = """error: Failed to build `broken==1.0`
  cause: Failed to resolve requirements from `build-system.requires`
  cause: Because nowhere was not found in the package registry, requirements are unsatisfiable.
"""


def test_a_build_is_told_by_the_line_that_says_why() -> None:
    found = wheelwords.of("build broken==1.0", BROKEN, INDEX)
    assert (found.reason, found.terminal) == ("WheelBuildFailed", True)
    assert str(found).endswith("it said: RuntimeError: no such luck")
    assert "broken==1.0 has no wheel" in str(found)


def test_a_build_is_told_by_uvs_words_where_it_has_said_nothing() -> None:
    found = wheelwords.of("resolve", UNMET, INDEX)
    assert found.reason == "WheelBuildFailed"
    assert "broken==1.0 has no wheel" in str(found)
    assert "nowhere was not found" in str(found)


@pytest.mark.parametrize(
    ("stage", "said", "reason", "terminal"),
    [
        ("resolve", BROKEN, "WheelBuildFailed", True),
        ("resolve", "x was not found in the package registry", "PackageNotFound", True),
        ("resolve", "requirements are unsatisfiable", "RequirementsConflict", True),
        ("resolve", "windows==1.0 has no usable wheels", "WheelMissing", True),
        ("resolve", "HTTP 401 Unauthorized", "IndexUnauthorized", True),
        ("resolve", "invalid peer certificate: UnknownIssuer", "IndexCertificateUnknown", True),
        ("build a==1", "  cause: error sending request for url", "IndexUnreachable", False),
        ("build a==1", "OSError: connection refused", "WheelBuildFailed", True),
        ("build a==1", "OSError: No space left on device", "BuildNodeFull", False),
        ("build a==1", "g++: fatal error: Killed signal terminated", "BuildOutOfMemory", True),
        ("build a==1", "", "BuildOutOfMemory", True),
        ("fetch a==1", "https://x/a.tar.gz: hash mismatch: none", "PackageInvalid", True),
        ("fetch a==1", "https://x/a.tar.gz: HTTP Error 502: Bad", "IndexUnreachable", False),
        ("", "sh: 1: python3: not found", "WheelBuildFailed", True),
    ],
)
def test_each_cause_has_its_reason(stage: str, said: str, reason: str, terminal: bool) -> None:
    found = wheelwords.of(stage, said, INDEX)
    assert (found.reason, found.terminal) == (reason, terminal)


def test_one_that_was_killed_had_no_memory() -> None:
    assert wheelwords.of("", "resolving", INDEX, code="137").reason == "BuildOutOfMemory"


def test_nobody_is_told_to_allow_what_is_allowed_or_to_name_a_secret() -> None:
    for said in ("windows==1.0 has no usable wheels", "HTTP 401 Unauthorized"):
        told = str(wheelwords.of("resolve", said, INDEX))
        assert "wheelsOnly: false" not in told
        assert "indexSecret" not in told


def test_a_stage_that_a_package_made_up_is_not_shown() -> None:
    found = wheelwords.of("build \x1b[31m<b>", "error: x", INDEX)
    assert "<" not in str(found)
    assert "\x1b" not in str(found)
