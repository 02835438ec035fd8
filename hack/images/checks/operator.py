"""Runs inside the operator image: the operator starts, and has the training library to pack."""

import importlib.util
import pathlib
import sys
import time

started = time.perf_counter()
import trainshed.main  # noqa: E402

imported = time.perf_counter() - started
LIBRARY = pathlib.Path("/opt/trainshed/trainer/trainshed_trainer/__init__.py")


def main() -> None:
    """Say what was found."""
    assert LIBRARY.is_file()
    compiled = pathlib.Path(importlib.util.cache_from_source(str(trainshed.main.__file__)))
    assert compiled.is_file(), f"{compiled} is missing: every start would compile"
    sys.stdout.write(f"operator: Python {sys.version.split()[0]}: imported in {imported:.1f} s\n")


main()
