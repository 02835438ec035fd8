"""Kubernetes quantities as whole numbers."""

from __future__ import annotations

import decimal
import functools
import re
from collections.abc import Mapping

_WRITTEN = re.compile(r"([+-]?[0-9.]+)([eE][+-]?[0-9]{1,2}|[numkMGTPE]|[KMGTPE]i)?")
_FACTORS: Mapping[str, decimal.Decimal] = {
    "": decimal.Decimal(1),
    **{unit: decimal.Decimal(1000) ** -power for power, unit in enumerate("mun", start=1)},
    **{unit: decimal.Decimal(1000) ** power for power, unit in enumerate("kMGTPE", start=1)},
    **{f"{unit}i": decimal.Decimal(1024) ** power for power, unit in enumerate("KMGTPE", start=1)},
}


@functools.lru_cache(maxsize=4096)
def of(quantity: str, *, scale: int = 1) -> int:
    """Return a quantity in units of 1/`scale`, rounded up; 0 for what is none.

    `scale`: 1000 for thousandths, as cores are counted.
    """
    found = _WRITTEN.fullmatch(quantity.strip())
    if found is None:
        return 0
    number, unit = found[1], found[2] or ""
    try:
        factor = _FACTORS.get(unit)
        exact = (
            decimal.Decimal(number) * factor
            if factor is not None
            else decimal.Decimal(number + unit)
        )
        return int((exact * scale).to_integral_value(rounding=decimal.ROUND_CEILING))
    except (decimal.InvalidOperation, OverflowError, ValueError):
        return 0
