"""`python -m trainshed`: the operator."""

from __future__ import annotations

from trainshed import main

if __name__ == "__main__":
    raise SystemExit(main.main())
