"""A browser for the tests that open pages: installed where it is missing."""

import pytest

from hack import browser
from hack.images import packages
from tests.unit.hack import images_fakes


def test_one_that_is_there_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "missing", lambda needed: [])
    run = images_fakes.Programs()
    assert browser.main(run, environment={}) == 0
    assert run.ran == []


def test_one_that_can_not_be_had_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(packages, "missing", lambda needed: ["chromium"])
    monkeypatch.setattr("hack.images.packages.os.geteuid", lambda: 1000)

    assert browser.main(images_fakes.Programs(), environment={}) == 1

    said = capsys.readouterr().err
    assert "no report is opened in one: chromium must be installed" in said
    assert "TRAINSHED_BROWSER=none" in said


def test_who_has_none_and_knows_it_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    run = images_fakes.Programs()

    assert browser.main(run, environment={"TRAINSHED_BROWSER": "none"}) == 0

    assert run.ran == []
    assert "TRAINSHED_BROWSER=none" in capsys.readouterr().out
