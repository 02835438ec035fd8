"""How processes of ours end: at once, without Python's own clearing up.

A push that was given up may still be in OpenSSL, and a process group in a peer that ends too: what
clears them away can crash, or wait for ever.
"""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn


def leave(code: int) -> NoReturn:
    """End this process; what was written is flushed."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def after(main: Callable[[], int]) -> NoReturn:
    """Run `main` and leave by its code, or by what Python would make of what it raises."""
    try:
        code = main()
    except SystemExit as error:
        code = _code(error)
    except BaseException:
        traceback.print_exc()
        code = 1
    leave(code)


def _code(error: SystemExit) -> int:
    if error.code is None or isinstance(error.code, int):
        return error.code or 0
    print(error.code, file=sys.stderr)  # noqa: T201
    return 1
