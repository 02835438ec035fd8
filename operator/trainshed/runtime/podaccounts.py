"""What build pods have told and done: each build is counted once, however many jobs wait for it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from trainshed.builds import measures
from trainshed.core import observed, podbuilds

V = TypeVar("V")
Worked = Callable[[Mapping[str, float], int], None]
"""Called with the seconds of a build's phases and the bytes that it sent."""
REMEMBERED = 4096
"""So many builds: a Job is gone five minutes after its end."""


class Accounts:
    """What is known of the builds that this process has begun or followed."""

    def __init__(self, worked: Worked, clock: Callable[[], float]) -> None:
        """Count by `worked`; `clock`: seconds."""
        self._worked = worked
        self._clock = clock
        self._begun: OrderedDict[observed.Uid, float] = OrderedDict()
        self._starts: OrderedDict[observed.Uid, float] = OrderedDict()
        """Seconds from a Job's creation until its container was seen to run."""
        self._counted: OrderedDict[observed.Uid, None] = OrderedDict()
        self._heard: OrderedDict[observed.Uid, tuple[str, float]] = OrderedDict()
        """What pods have said themselves, and when."""

    def begun(self, build: observed.Uid) -> None:
        """Take note that a build's Job was created now."""
        _put(self._begun, build, self._clock())

    def seen(self, build: observed.Uid, pods: Iterable[observed.PodView]) -> None:
        """Take note of the pods of a build, as they are now.

        By this process's clock: the API server's moments are whole seconds.
        """
        begun = self._begun.get(build)
        runs = any(each.container.started is not None for each in pods)
        if runs and begun is not None and build not in self._starts:
            _put(self._starts, build, self._clock() - begun)

    def heard(self, pod: observed.Uid, words: str) -> None:
        """Take note of what a pod has said of its image, before the watch tells of its end."""
        _put(self._heard, pod, (words, self._clock()))

    def known(self, pod: observed.PodView) -> observed.PodView:
        """Return a pod as the watch tells of it, or as it has told of its own end."""
        heard = self._heard.get(pod.uid)
        return pod if heard is None else podbuilds.ended(pod, heard[0], now=heard[1])

    def ended(self, build: observed.Uid, image: observed.BuiltImage) -> None:
        """Count a build that has given an image, unless it was counted."""
        if build in self._counted:
            return
        _put(self._counted, build, None)
        phases, start = dict(image.phases), self._starts.get(build)
        if start is not None:
            phases[measures.Phase.START] = start
        self._worked(phases, image.uploaded_bytes)


def _put(kept: OrderedDict[observed.Uid, V], key: observed.Uid, value: V) -> None:
    kept[key] = value
    while len(kept) > REMEMBERED:
        kept.popitem(last=False)
