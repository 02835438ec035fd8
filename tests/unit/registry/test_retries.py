"""How often something is tried again, and after which waits."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from trainshed.registry import errors, retries


@dataclass(slots=True)
class Trial:
    """Fails as often as a test says."""

    failures: list[Exception]
    random: float = 0.0
    slept: list[float] = field(default_factory=list)
    tries: int = 0

    async def run(self) -> str:
        """Try it."""
        return await retries.Retries(self._sleep, lambda: self.random).run(self._work)

    async def _work(self) -> str:
        self.tries += 1
        if self.failures:
            raise self.failures.pop(0)
        return "done"

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


async def test_what_works_is_done_once() -> None:
    trial = Trial([])

    assert await trial.run() == "done"
    assert (trial.tries, trial.slept) == (1, [])


async def test_each_wait_is_twice_the_one_before() -> None:
    trial = Trial([errors.Unavailable("down"), errors.Unavailable("down")])

    assert await trial.run() == "done"
    assert trial.slept == [0.4, 0.8]


async def test_who_waits_with_others_comes_back_at_another_moment() -> None:
    waits = []
    for random in (0.0, 0.5, 1.0):
        trial = Trial([errors.Unavailable("down", retry_after=4)], random=random)
        await trial.run()
        waits += trial.slept

    assert waits == [4.0, 5.0, 6.0]
    assert min(waits) >= 4.0, "never earlier than asked"


async def test_the_last_failure_is_told() -> None:
    trial = Trial([errors.Unavailable(each) for each in ("first", "second", "third", "fourth")])

    with pytest.raises(errors.Unavailable, match="third"):
        await trial.run()
    assert (trial.tries, len(trial.slept)) == (3, 2)


@pytest.mark.parametrize(
    "error",
    [
        errors.Unavailable("took long", slow=True),
        errors.Unavailable("later", retry_after=10.1),
        errors.Forbidden("no"),
        errors.NotFound(),
        ValueError("ours"),
    ],
    ids=["slow", "much later", "refused", "not there", "a defect"],
)
async def test_what_another_try_can_not_help_is_told_at_once(error: Exception) -> None:
    trial = Trial([error])

    with pytest.raises(type(error)):
        await trial.run()
    assert (trial.tries, trial.slept) == (1, [])
