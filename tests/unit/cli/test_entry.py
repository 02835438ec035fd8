"""The command without what it needs: as in the operator's image."""

from __future__ import annotations

import sys

import pytest

from trainshed.cli import entry


def test_a_package_without_the_extra_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "trainshed.cli.main", raising=False)
    monkeypatch.setattr(sys.modules["trainshed.cli"], "main", None, raising=False)
    monkeypatch.delattr(sys.modules["trainshed.cli"], "main")
    monkeypatch.setitem(sys.modules, "typer", None)

    with pytest.raises(SystemExit) as ended:
        entry.main()

    assert ended.value.code == 2
    assert "pip install 'trainshed[cli]'" in capsys.readouterr().err
