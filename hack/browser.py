"""`python -m hack.browser`: installs the browser in which tests open reports.

Where it can't be had, that is a failure, unless TRAINSHED_BROWSER=none says that it is known: a
test that is skipped on every run tests nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from hack.images import errors, packages, programs

NEEDED = {"chromium": "chromium"}
CHOSEN = "TRAINSHED_BROWSER"


def main(run: programs.Runner | None = None, *, environment: Mapping[str, str] = os.environ) -> int:
    """Install it; say why where that fails."""
    if environment.get(CHOSEN) == "none":
        sys.stdout.write(f"no report is opened in a browser: {CHOSEN}=none\n")
        return 0
    try:
        packages.ensure(NEEDED, run=run or programs.Programs())
    except errors.ImagesError as error:
        sys.stderr.write(
            f"no browser, so no report is opened in one: {error}; {CHOSEN}=none goes on without\n"
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
