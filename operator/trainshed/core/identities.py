"""What names one object of the cluster for ever."""

from __future__ import annotations

from typing import NewType

Uid = NewType("Uid", str)
