"""How old an answer from the registry may be."""

from __future__ import annotations

import dataclasses
import re

import hypothesis
import pytest
from hypothesis import strategies

from tests import facts
from trainshed.builds import dockerfiles, freshness, orders, requirements

BASE = "registry.example/base@sha256:" + "b" * 64
COMMIT = "c" * 40
MOMENTS = strategies.floats(min_value=0, max_value=4e9)


def order(ref: str = "main", refresh: str = "", base: str = BASE) -> orders.Order:
    git = orders.Git("https://git.example/a.git", ref, ".", submodules=False, secret="")
    return facts.pod_order(base=base, git=git, refresh=refresh)


@pytest.mark.parametrize(
    ("wanted", "refresh"),
    [
        (order(), "always"),
        (order(COMMIT), "daily"),
        (dataclasses.replace(order(), git=None), "daily"),
        (order(refresh="never"), "never"),
        (order(refresh="always"), "always"),
        (order(COMMIT, refresh="always"), "always"),
    ],
    ids=["branch", "commit", "no git", "never", "always", "a commit, always"],
)
def test_what_a_job_does_not_say_is_looked_up_where_code_moves_and_a_day_old_else(
    wanted: orders.Order, refresh: str
) -> None:
    assert freshness.of(wanted) == refresh


def test_packages_without_a_version_are_answered_for_a_day_where_the_code_is_pinned() -> None:
    packages = requirements.Requirements(packages=("einops",), file="")
    pinned = dataclasses.replace(order(COMMIT), requirements=packages)
    assert freshness.tag(pinned, now=86_400.0) == f"o-{pinned.hash()}-19700102"
    moving = dataclasses.replace(order(), requirements=packages)
    assert freshness.tag(moving, now=86_400.0) is None


def test_what_a_job_says_of_it_makes_no_other_build() -> None:
    assert {order(refresh=each).hash() for each in ("", "never", "daily", "always")} == {
        order().hash()
    }


@pytest.mark.parametrize(
    ("refresh", "tag"),
    [("", None), ("always", None), ("never", "o-{}"), ("daily", "o-{}-19700102")],
)
def test_what_a_dockerfile_gave_answers_only_where_the_job_says_so(
    refresh: str, tag: str | None
) -> None:
    asked = dockerfiles.Dockerfile("Dockerfile")
    wanted = dataclasses.replace(order(COMMIT, refresh=refresh, base=""), dockerfile=asked)
    found = freshness.tag(wanted, now=86_400.0)
    assert found == (tag.format(wanted.hash()) if tag else None)


@hypothesis.given(now=MOMENTS, refresh=strategies.sampled_from(["", "never", "daily", "always"]))
def test_a_pinned_order_has_one_answer_for_ever(now: float, refresh: str) -> None:
    wanted = order(COMMIT, refresh)
    assert freshness.tag(wanted, now=now) == f"o-{wanted.hash()}"
    assert freshness.tags(wanted, began=now) == (f"o-{wanted.hash()}",)
    assert freshness.since(wanted, now=now) == 0.0


@hypothesis.given(began=MOMENTS, later=strategies.floats(min_value=0, max_value=3e5))
def test_what_was_looked_up_answers_for_less_than_a_day(began: float, later: float) -> None:
    wanted = order(refresh="daily")
    answers = freshness.tag(wanted, now=began + later) in freshness.tags(wanted, began=began)
    since = freshness.since(wanted, now=began + later)
    assert since is not None
    # A build that goes on is judged as the tag that it will have.
    assert answers == (began >= since)
    if answers:
        assert later < 86_400


@hypothesis.given(now=MOMENTS)
def test_a_tag_is_one_that_a_registry_takes(now: float) -> None:
    for each in freshness.tags(order(refresh="daily"), began=now):
        assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", each)


@pytest.mark.parametrize("refresh", ["", "never", "daily", "always"])
@pytest.mark.parametrize("ref", ["main", COMMIT])
def test_a_base_whose_tag_only_the_pod_can_read_is_looked_up_each_time(
    ref: str, refresh: str
) -> None:
    wanted = order(ref, refresh, base="elsewhere.example/base:1")
    assert freshness.tag(wanted, now=1e9) is None
    assert freshness.tags(wanted, began=1e9) == ()
    assert freshness.since(wanted, now=1e9) is None


def test_a_claim_is_read_for_each_job_whatever_is_said() -> None:
    wanted = facts.pod_order(
        base=f"registry/base@sha256:{'a' * 64}", claim=orders.Claim("code", "."), refresh="never"
    )
    assert freshness.tag(wanted, now=0) is None
    assert freshness.since(wanted, now=0) is None


def test_a_tag_of_an_artifact_is_as_a_branch_and_a_digest_as_a_commit() -> None:
    base = f"registry/base@sha256:{'a' * 64}"
    tag = facts.pod_order(base=base, oci=orders.Oci("r.example/code:1", ""))
    assert freshness.tag(tag, now=0) is None
    assert freshness.tag(dataclasses.replace(tag, refresh="daily"), now=0) is not None
    digest = dataclasses.replace(tag, oci=orders.Oci(f"r.example/code@sha256:{'b' * 64}", ""))
    assert freshness.tag(digest, now=0) == f"o-{digest.hash()}"


def test_an_image_that_goes_elsewhere_is_not_asked_for_here() -> None:
    wanted = facts.pod_order(base=f"registry/base@sha256:{'a' * 64}", repository="r.example/images")
    assert freshness.tag(wanted, now=0) is None
    assert freshness.tags(wanted, began=0) == ()
    # But who wants it too, while it is built, shares the build.
    assert freshness.since(wanted, now=0) == 0.0
