"""Values and axes as text, after Grafana's units."""

from __future__ import annotations

import math
import time

_SI = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
_BYTES = ((2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"))
_SECONDS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))


def text(value: float, unit: str, decimals: int | None = None) -> str:
    """Return a value in its unit."""
    if unit == "percentunit":
        return f"{value * 100:.{1 if decimals is None else decimals}f} %"
    if unit == "s":
        return _seconds(value)
    if unit == "watt":
        return f"{value:.3g} W"
    if unit == "none":
        return f"{value:.{decimals or 0}f}"
    if decimals == 0:
        return f"{value:,.0f}"
    for size, prefix in _BYTES if unit == "bytes" else _SI:
        if abs(value) >= size:
            return f"{value / size:.3g} {prefix}"
    return f"{value:.3g}"


def _seconds(value: float) -> str:
    if value == 0:
        return "0 s"
    if abs(value) >= 60:
        return f"{value / 60:.3g} min"
    size, unit = next((each for each in _SECONDS if abs(value) >= each[0]), _SECONDS[-1])
    return f"{value / size:.3g} {unit}"


def mark(value: float, unit: str) -> str:
    """Return a value of an axis, without digits that say nothing."""
    whole = unit == "percentunit" and abs(value * 100 - round(value * 100)) < 1e-9
    return text(value, unit, 0) if whole else text(value, unit)


def clock(moment: float) -> str:
    """Return a moment's time of day, UTC."""
    return time.strftime("%H:%M:%S", time.gmtime(moment))


def ticks(least: float, most: float, count: int = 4) -> list[float]:
    """Return about so many round values that span a range."""
    span = most - least
    if span <= 0:
        return [least]
    step = _round_step(span / count)
    first = math.floor(least / step) * step
    number = math.ceil((most - first) / step - 1e-9)
    return [round(first + each * step, 12) for each in range(number + 1)]


def _round_step(rough: float) -> float:
    magnitude = 10.0 ** math.floor(math.log10(rough))
    return magnitude * next(
        each for each in (1, 2, 2.5, 5, 10) if each * magnitude >= rough - 1e-15
    )


def time_step(span: float, count: int = 5) -> float:
    """Return a round distance in seconds for about so many marks of a time axis."""
    steps = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 86400)
    return next((each for each in steps if span / each <= count), 86400)
