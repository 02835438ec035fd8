"""`python -m hack.reference [--check]`: write the reference of resources, or compare."""

from __future__ import annotations

import pathlib
import sys

from hack.reference import pages
from trainshed.api import crd

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "reference"


def rendered() -> dict[pathlib.Path, str]:
    """Return the text of every generated file by its path."""
    return {
        FOLDER / f"{document['spec']['names']['singular']}.md": pages.page(document)
        for document in crd.documents().values()
    }


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
            name = path.relative_to(ROOT)
            print(f"{name} is stale: run `python -m hack.reference`", file=sys.stderr)  # noqa: T201
        return 1 if found else 0
    for path, text in rendered().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
