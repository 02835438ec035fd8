"""The GPUs of this process: memory, power, use and energy, read when somebody asks.

No step waits for it. The driver is opened on a thread of its own, and read on the thread of
whoever asks, who waits for a moment at most; once it fails, nothing more is asked of it.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from trainshed_trainer import nvml

BUSY_SECONDS = 0.5
"""How long a scrape waits for another one that reads."""
LAST_SECONDS = 1.0
"""How long the end of a run waits for its last figures."""
_HIDDEN = ("", "none", "void")


@dataclass(frozen=True, slots=True)
class Reading:
    """What one GPU says now; None is what it does not tell."""

    device: str
    """Its number among those of this process, from 0."""
    memory_used: int | None = None
    memory_total: int | None = None
    power: float | None = None
    utilization: float | None = None
    energy: float | None = None
    """Joules since they were opened."""


@dataclass(slots=True)
class _Gpu:
    """One GPU, or an instance of one, and the energy that it took."""

    device: nvml.Device
    last: float | None
    """What its driver told last; None where it never told."""
    joules: float = 0.0

    def took(self, told: float | None) -> float | None:
        """Return the energy since it was opened, by what its driver tells now."""
        if told is None or self.last is None:
            return None
        # A driver that is loaded anew counts from 0: what it did not tell before is lost.
        self.joules += max(0.0, told - self.last)
        self.last = told
        return self.joules


class Gpus:
    """The GPUs of this process."""

    def __init__(
        self,
        load: Callable[[], nvml.Library | None] = nvml.load,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        """`load` is called on a thread; it returns None where there is no GPU."""
        self._load = load
        self._environment = environment
        self._library: nvml.Library | None = None
        self._found: Sequence[_Gpu] = ()
        self._lock = threading.Lock()
        self._opening: threading.Thread | None = None

    def start(self) -> None:
        """Begin to open them."""
        self._opening = threading.Thread(target=self._open, name="trainshed-gpus", daemon=True)
        self._opening.start()

    def opened(self, timeout: float) -> bool:
        """Wait until they are open, or there are none; return whether that is known."""
        if self._opening is not None:
            self._opening.join(timeout)
        return self._opening is not None and not self._opening.is_alive()

    def readings(self) -> list[Reading]:
        """Return what they say now; nothing before they are open, and of none."""
        if not self._found or not self._lock.acquire(timeout=BUSY_SECONDS):
            return []
        try:
            return list(self._read())
        except nvml.NvmlError as error:
            self._give_up(error)
            return []
        finally:
            self._lock.release()

    def joules(self) -> float | None:
        """Return the energy of all since they were opened; None where one does not tell."""
        if not self._found:
            return None
        found: list[Reading] = []
        # A driver that hangs may not hold the end of the run.
        asking = threading.Thread(target=lambda: found.extend(self.readings()), daemon=True)
        asking.start()
        asking.join(LAST_SECONDS)
        told = [each.energy for each in found if each.energy is not None]
        return sum(told) if found and len(told) == len(self._found) else None

    def _open(self) -> None:
        try:
            hidden = self._environment.get("NVIDIA_VISIBLE_DEVICES", "all").strip() in _HIDDEN
            self._library = library = None if hidden else self._load()
            if library is not None:
                chosen = own(library, self._environment)
                self._found = [_Gpu(each, library.energy(each)) for each in chosen]
        except nvml.NvmlError as error:
            self._give_up(error)

    def _read(self) -> Iterator[Reading]:
        library = self._library
        assert library is not None
        for number, gpu in enumerate(self._found):
            used, total = library.memory(gpu.device) or (None, None)
            yield Reading(
                device=str(number),
                memory_used=used,
                memory_total=total,
                power=library.power(gpu.device),
                utilization=library.utilization(gpu.device),
                energy=gpu.took(library.energy(gpu.device)),
            )

    def _give_up(self, error: nvml.NvmlError) -> None:
        self._found = ()
        print(f"trainshed: no figures of the GPUs from now on: {error}", file=sys.stderr)  # noqa: T201


def own(library: nvml.Library, environment: Mapping[str, str]) -> list[nvml.Device]:
    """Return the devices that this process may use, in CUDA's words for them.

    A container sees its own alone, unless it is privileged; then those count that its GPUs'
    runtime was told to give it. A GPU that MIG has cut stands for its instances.
    """
    given = environment.get("NVIDIA_VISIBLE_DEVICES", "all")
    # Numbers are the node's: in here the devices that are left are counted anew.
    named = {each for each in given.split(",") if each.startswith(("GPU-", "MIG-"))}
    found = [
        (uuid, part)
        for device in library.devices()
        for uuid, part in _instances(library, device, named)
    ]
    asked = environment.get("CUDA_VISIBLE_DEVICES")
    if asked is None:
        return [device for _, device in found]
    return [found[number][1] for number in _chosen(asked, [uuid for uuid, _ in found])]


def _instances(
    library: nvml.Library, device: nvml.Device, named: Set[str]
) -> Iterator[tuple[str, nvml.Device]]:
    whole = library.uuid(device)
    for each in list(library.parts(device)) or [device]:
        uuid = whole if each is device else library.uuid(each)
        if not named or named & {whole, uuid}:
            yield uuid, each


def _chosen(asked: str, uuids: Sequence[str]) -> list[int]:
    """Return the numbers of devices in CUDA_VISIBLE_DEVICES, which ends with the first bad one."""
    found: list[int] = []
    for word in map(str.strip, asked.split(",")):
        if word.isdecimal():
            matching = [int(word)] if int(word) < len(uuids) else []
        else:
            matching = [at for at, uuid in enumerate(uuids) if word and uuid.startswith(word)]
        if len(matching) != 1 or matching[0] in found:
            break
        found += matching
    return found
