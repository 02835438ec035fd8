"""Any other library: the user's own code, which nothing here knows."""

from __future__ import annotations

from collections.abc import Sequence

ENTRY_POINT: Sequence[str] = ()
"""There are no built-in models."""
