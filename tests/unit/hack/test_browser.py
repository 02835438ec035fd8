"""A browser for the tests that open pages: installed where it is missing, else it is told."""

import pytest

from hack import browser
from hack.images import packages
from tests.unit.hack import images_fakes


def test_one_that_is_there_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "missing", lambda needed: [])
    run = images_fakes.Programs()
    assert browser.main(run) == 0
    assert run.ran == []


def test_one_that_can_not_be_had_is_told_and_fails_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(packages, "missing", lambda needed: ["chromium"])
    monkeypatch.setattr("hack.images.packages.os.geteuid", lambda: 1000)
    assert browser.main(images_fakes.Programs()) == 0
    assert "no report is opened in one: chromium must be installed" in capsys.readouterr().out
