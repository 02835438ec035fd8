"""`python -m hack.crds [--check]`: write the CRDs to crds/ and the chart, or compare."""

from __future__ import annotations

import pathlib
import sys
from collections.abc import Mapping
from typing import Any

import yaml

from trainshed.api import crd

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEAD = "# Generated from operator/trainshed/api by `make crds`. Do not edit.\n"


def rendered() -> dict[pathlib.Path, str]:
    """Return the text of every generated file by its path."""
    places = (ROOT / "crds", ROOT / "charts" / "trainshed" / "files" / "crds")
    texts = {plural: HEAD + _text(document) for plural, document in crd.documents().items()}
    return {place / f"{plural}.yaml": text for plural, text in texts.items() for place in places}


def _text(document: Mapping[str, Any]) -> str:
    return yaml.safe_dump(document, sort_keys=False, width=100, allow_unicode=True)


def stale() -> list[pathlib.Path]:
    """Return the files that differ from what the models say."""
    return [
        path
        for path, text in rendered().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]


def main(arguments: list[str]) -> int:
    """Write the files, or with --check say which are stale."""
    if arguments == ["--check"]:
        found = stale()
        for path in found:
            print(f"{path.relative_to(ROOT)} is stale: run `make crds`", file=sys.stderr)  # noqa: T201
        return 1 if found else 0
    for path, text in rendered().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
