"""`python -m hack.browser`: installs the browser in which tests open reports, where it can be had.

Where it can't, that is told and is no failure: the tests that need one say that they are skipped.
"""

from __future__ import annotations

import sys

from hack.images import errors, packages, programs

NEEDED = {"chromium": "chromium"}


def main(run: programs.Runner | None = None) -> int:
    """Install it; say why where that fails."""
    try:
        packages.ensure(NEEDED, run=run or programs.Programs())
    except errors.ImagesError as error:
        sys.stdout.write(f"no browser, so no report is opened in one: {error}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
