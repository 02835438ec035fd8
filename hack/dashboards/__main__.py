"""`python -m hack.dashboards [--check]`: write the dashboard, the recording rules and the reference
of metrics, or compare.

`python -m hack.dashboards picture --prometheus URL --job NAME --namespace NS --out FILE` draws
the dashboard's panels with a Prometheus' data.
"""

from __future__ import annotations

import argparse
import pathlib
import sys
import time

from hack.dashboards import picture, recording, reference, trainingjob

ROOT = pathlib.Path(__file__).resolve().parents[2]
DASHBOARD = ROOT / "charts" / "trainshed" / "dashboards" / "trainingjob.json"
RULES = ROOT / "charts" / "trainshed" / "files" / "rules" / "gpus.yaml"
REFERENCE = ROOT / "docs" / "reference" / "metrics.md"


def rendered() -> dict[pathlib.Path, str]:
    """Return the text of every generated file by its path."""
    return {
        DASHBOARD: trainingjob.render(),
        RULES: recording.render(),
        REFERENCE: reference.render(),
    }


def stale() -> list[pathlib.Path]:
    """Return the files that differ from what they are generated from."""
    return [
        path
        for path, text in rendered().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]


def main(arguments: list[str]) -> int:
    """Write the files, compare them, or draw a picture."""
    asked = _parser().parse_args(arguments)
    if asked.command == "picture":
        end = time.time() if asked.end is None else asked.end
        drawn = picture.draw(
            DASHBOARD,
            asked.prometheus,
            {"namespace": asked.namespace, "trainingjob": asked.job},
            start=end - asked.window if asked.start is None else asked.start,
            end=end,
        )
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        asked.out.write_text(drawn, encoding="utf-8")
        return 0
    if asked.check:
        found = stale()
        for path in found:
            print(f"{path.relative_to(ROOT)} is stale: run `make dashboards`", file=sys.stderr)  # noqa: T201
        return 1 if found else 0
    for path, text in rendered().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m hack.dashboards", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    commands = parser.add_subparsers(dest="command")
    drawing = commands.add_parser("picture", help="draw the dashboard as SVG")
    drawing.add_argument("--prometheus", required=True, metavar="URL")
    drawing.add_argument("--namespace", required=True)
    drawing.add_argument("--job", required=True)
    drawing.add_argument("--out", required=True, type=pathlib.Path, metavar="FILE")
    drawing.add_argument("--window", type=float, default=300.0, metavar="SECONDS")
    drawing.add_argument("--start", type=float, metavar="UNIX", help="instead of --window")
    drawing.add_argument("--end", type=float, metavar="UNIX", help="default: now")
    return parser


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
