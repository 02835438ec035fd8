"""Work that no job waits for."""

import asyncio
import logging

import pytest

from trainshed.registry import afterwards, errors


class Work:
    """Takes some seconds, and says what was begun when."""

    def __init__(self, *, seconds: float = 0.0, error: Exception | None = None) -> None:
        self._seconds, self._error = seconds, error
        self.begun: list[float] = []
        self.ended = 0

    async def __call__(self) -> None:
        self.begun.append(asyncio.get_running_loop().time())
        await asyncio.sleep(self._seconds)
        if self._error is not None:
            raise self._error
        self.ended += 1


@pytest.mark.looptime
async def test_it_is_done_later_and_a_little_at_a_time() -> None:
    work, later = Work(seconds=3.0), afterwards.Afterwards(delay=2.0)
    for _ in range(3):
        later.add("x", work)

    await asyncio.sleep(1.0)
    assert work.begun == []
    await asyncio.sleep(10.0)
    assert work.begun == [2.0, 2.0, 5.0]


@pytest.mark.looptime
async def test_who_waits_for_it_has_it_done_at_once() -> None:
    work, later = Work(), afterwards.Afterwards(delay=1000.0)
    later.add("x", work)

    await later.done(within=5.0)

    assert work.begun == [0.0]
    await later.done(within=5.0)
    assert work.ended == 1


@pytest.mark.looptime
async def test_what_takes_too_long_is_given_up() -> None:
    later = afterwards.Afterwards(delay=0.0)
    later.add("x", Work(seconds=1000.0))

    await later.done(within=5.0)

    assert asyncio.get_running_loop().time() == 5.0
    await later.close()


@pytest.mark.looptime
@pytest.mark.parametrize("error", [errors.Unavailable("is down"), ValueError("a bug")])
async def test_a_failure_is_told_in_the_log_and_nowhere_else(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    later, work = afterwards.Afterwards(delay=0.0), Work()
    later.add("bom", Work(error=error))
    later.add("bom", work)

    with caplog.at_level(logging.WARNING):
        await later.done(within=5.0)

    assert len(caplog.records) == 1
    assert work.ended == 1


@pytest.mark.looptime
async def test_the_end_leaves_what_is_not_done() -> None:
    work, later = Work(), afterwards.Afterwards(delay=2.0)
    later.add("x", work)

    await later.close()

    await asyncio.sleep(10.0)
    assert work.begun == []
