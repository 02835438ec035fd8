"""Where the command `trainshed` begins: it may be installed without what its commands need."""

from __future__ import annotations

import sys

EXTRA = {"rich", "typer"}
"""What the package's extra `cli` brings; the operator's image has none of it."""


def main() -> None:
    """Run the command line, or say how to get it."""
    try:
        from trainshed.cli import main as commands
    except ModuleNotFoundError as error:
        if error.name not in EXTRA:
            raise
        sys.stderr.write("error: the commands need more: pip install 'trainshed[cli]'\n")
        raise SystemExit(2) from None
    commands.main()
