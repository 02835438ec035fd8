"""NVIDIA's management library, as far as a training process needs it, in its own units.

It comes with the driver into every container that has a GPU, whatever image that has. Nothing is
known here of which devices are whose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NewType, Protocol

NAME = "libnvidia-ml.so.1"
_LONGEST_NAME = 96
# Of nvmlReturn_t; an instance cut by MIG is an invalid argument to what tells of whole GPUs alone.
_SUCCESS, _INVALID_ARGUMENT, _NOT_SUPPORTED, _NO_PERMISSION, _NOT_FOUND = 0, 2, 3, 4, 6
_NOTHING = (_INVALID_ARGUMENT, _NOT_SUPPORTED, _NO_PERMISSION, _NOT_FOUND)
Device = NewType("Device", object)


class NvmlError(Exception):
    """The library refused, or the driver did. The message is its own."""


class Library(Protocol):
    """What is asked of a library; each question may raise NvmlError."""

    def devices(self) -> Iterator[Device]:
        """Yield the GPUs that this container may use."""

    def parts(self, device: Device) -> Iterator[Device]:
        """Yield the instances that MIG has cut a GPU into; nothing of one that is whole."""

    def uuid(self, device: Device) -> str:
        """Return a device's name, GPU-… or MIG-…."""

    def memory(self, device: Device) -> tuple[int, int] | None:
        """Return the bytes in use and those that there are; this and the next: None: not told."""

    def power(self, device: Device) -> float | None:
        """Return watts."""

    def utilization(self, device: Device) -> float | None:
        """Return the share of time in which something was on it, 0 to 1."""

    def energy(self, device: Device) -> float | None:
        """Return the joules since its driver was loaded."""


def load(name: str = NAME) -> Library | None:
    """Return the library; None where there is none. Raises NvmlError where it can't begin."""
    import ctypes  # only in a container that has a GPU

    try:
        return _Nvml(ctypes.CDLL(name), ctypes)
    except OSError:
        return None


class _Nvml:
    """The library by its C interface, whose functions keep their form once they have a name."""

    def __init__(self, library: Any, ctypes: Any) -> None:
        self._library, self._c = library, ctypes
        self._call("nvmlInit_v2")

    def devices(self) -> Iterator[Device]:
        """Yield the GPUs that this container may use."""
        for index in range(self._number("nvmlDeviceGetCount_v2") or 0):
            found = self._c.c_void_p()
            # One that is another container's may be counted, but not be had.
            if self._told("nvmlDeviceGetHandleByIndex_v2", index, self._c.byref(found)):
                yield Device(found)

    def parts(self, device: Device) -> Iterator[Device]:
        """Yield the instances that MIG has cut a GPU into; nothing of one that is whole."""
        current, pending = self._c.c_uint(), self._c.c_uint()
        modes = self._c.byref(current), self._c.byref(pending)
        if not self._told("nvmlDeviceGetMigMode", device, *modes) or not current.value:
            return
        for index in range(self._number("nvmlDeviceGetMaxMigDeviceCount", device) or 0):
            found = self._c.c_void_p()
            reference = self._c.byref(found)
            if self._told("nvmlDeviceGetMigDeviceHandleByIndex", device, index, reference):
                yield Device(found)

    def uuid(self, device: Device) -> str:
        """Return a device's name, GPU-… or MIG-…."""
        buffer = self._c.create_string_buffer(_LONGEST_NAME)
        self._call("nvmlDeviceGetUUID", device, buffer, _LONGEST_NAME)
        return str(buffer.value.decode("ascii", "replace"))

    def memory(self, device: Device) -> tuple[int, int] | None:
        """Return the bytes in use and those that there are."""
        found = (self._c.c_ulonglong * 3)()  # total, free, used
        if not self._told("nvmlDeviceGetMemoryInfo", device, found):
            return None
        return found[2], found[0]

    def power(self, device: Device) -> float | None:
        """Return watts."""
        found = self._number("nvmlDeviceGetPowerUsage", device)
        return None if found is None else found / 1000

    def utilization(self, device: Device) -> float | None:
        """Return the share of time in which something was on it, 0 to 1."""
        found = (self._c.c_uint * 2)()  # percent of time: computing, memory
        if not self._told("nvmlDeviceGetUtilizationRates", device, found):
            return None
        return float(found[0] / 100)

    def energy(self, device: Device) -> float | None:
        """Return the joules since its driver was loaded."""
        found = self._c.c_ulonglong()
        if not self._told("nvmlDeviceGetTotalEnergyConsumption", device, self._c.byref(found)):
            return None
        return float(found.value / 1000)

    def _number(self, name: str, *arguments: Any) -> int | None:
        found = self._c.c_uint()
        if not self._told(name, *arguments, self._c.byref(found)):
            return None
        return int(found.value)

    def _told(self, name: str, *arguments: Any) -> bool:
        """Return whether a function told something: this device or driver may have none of it."""
        return self._call(name, *arguments, bearing=_NOTHING) == _SUCCESS

    def _call(self, name: str, *arguments: Any, bearing: tuple[int, ...] = ()) -> int:
        function: Callable[..., int] | None = getattr(self._library, name, None)
        if function is None:  # a driver that is older than the function
            if _NOT_SUPPORTED in bearing:
                return _NOT_SUPPORTED
            raise NvmlError(f"{name} is not in {NAME}")
        code = function(*arguments)
        if code != _SUCCESS and code not in bearing:
            raise NvmlError(f"{name}: {self._words(code)}")
        return code

    def _words(self, code: int) -> str:
        function = getattr(self._library, "nvmlErrorString", None)
        if function is None:
            return f"error {code}"
        function.restype = self._c.c_char_p
        return str(function(code).decode("ascii", "replace"))
