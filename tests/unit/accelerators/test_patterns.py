"""A pattern of a class is taken only where no name can keep the operator at matching it."""

from __future__ import annotations

import pytest

from tests import clouds, places
from trainshed.accelerators import classes


def shipped() -> list[str]:
    """Return the patterns of all classes of the chart."""
    matches = [each["spec"].get("match", {}) for each in clouds.SHIPPED]
    return sorted({each["resourcePattern"] for each in matches if "resourcePattern" in each})


@pytest.mark.parametrize(
    "pattern",
    [
        *shipped(),
        r"^nvidia\.com/gpu$",
        r"(?i)nvidia\.com/(gpu|GPU\.shared)",
        r"[^/]+/gpu",
        r"x/(ab){2,4}(-[0-9]{1,3})?",
        r"(a|b)*",
        r".+?/.+?-.*",
    ],
)
def test_a_pattern_of_few_choices_is_taken(pattern: str) -> None:
    assert classes.read(places.gpu("x", pattern=pattern)).problem == ""


@pytest.mark.parametrize(
    "pattern",
    [
        r"(.*)*/gpu$",
        r"(a+)+/gpu",
        r"(a+){2,}/gpu",
        r"((ab)*)*/gpu",
        r"(a|aa)+/gpu",
        r"(a|ab)(a|ab){30}/gpu",
        r"(a?){40}/gpu",
        "(a?)" * 40 + "/gpu",
        "(a|aa)" * 40 + "/gpu",
        ".*" * 20 + "/gpu",
        "(){60000}",
        "((a{0}){900}){900}",
    ],
)
def test_a_pattern_that_could_match_for_ever_is_refused(pattern: str) -> None:
    class_ = classes.read(places.gpu("x", pattern=pattern))

    assert class_.problem == (
        f"match.resourcePattern {pattern!r} could take for ever to match: write it with at most"
        " three parts of any length, such as .+, and none inside what is repeated"
    )
    assert not class_.has("a" * 60)


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("[", "is no regular expression: unterminated character set"),
        ("a{99999999999}", "is no regular expression: the repetition number is too large"),
        (r"(a)\1", "has what is no part of RE2: leave out lookarounds, backreferences"),
        (r"(?=a)a", "has what is no part of RE2"),
        (r"(?<!a)a", "has what is no part of RE2"),
        (r"(?>a+)a", "has what is no part of RE2"),
        (r"a++", "has what is no part of RE2"),
        (r"(a)?(?(1)b|c)", "has what is no part of RE2"),
    ],
)
def test_what_the_api_server_would_not_match_is_refused(pattern: str, said: str) -> None:
    problem = classes.read(places.gpu("x", pattern=pattern)).problem

    assert problem.startswith(f"match.resourcePattern {pattern!r} {said}")
