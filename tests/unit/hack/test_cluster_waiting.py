import pytest

from hack.cluster import errors, waiting


@pytest.fixture(autouse=True)
def _eager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "INTERVAL_SECONDS", 0.005)


def test_a_condition_that_holds_is_not_waited_for() -> None:
    waiting.until("nothing", lambda: None, seconds=0)


def test_a_condition_is_asked_until_it_holds() -> None:
    answers = iter(["not yet", "nearly", None])
    waiting.until("the third answer", lambda: next(answers), seconds=5)


def test_the_error_says_what_was_waited_for_and_what_was_missing() -> None:
    with pytest.raises(errors.TimedOut, match="waited 0 s for etcd: connection refused\nits log"):
        waiting.until("etcd", lambda: "connection refused", seconds=0, hint="its log: x")
