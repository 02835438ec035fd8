"""Nodes and classes of accelerators as the watch tells of them, and who waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from trainshed.accelerators import classes, index, nodes, usage
from trainshed.core import observed
from trainshed.kube import kinds
from trainshed.runtime import sweeper

PAUSE_SECONDS = 0.2
"""Nodes come and change in crowds: those who wait for one are woken once for all of them."""
WOKEN_A_SECOND = 200
"""So many jobs at most: while a pool grows, thousands that wait may not keep others from work."""

Body = Mapping[str, Any]
Wake = Callable[[observed.JobKey], None]


def watched(enabled: bool) -> tuple[sweeper.Watched, ...]:
    """Return what is watched for placement."""
    if not enabled:
        return ()
    return sweeper.Watched(kinds.CLASSES), sweeper.Watched(kinds.NODES, essence=nodes.shape)


class Places:
    """The index of nodes and the devices in use; wakes jobs that nothing could hold."""

    def __init__(self) -> None:
        """Begin empty, with nobody to wake."""
        self.index = index.Index()
        self.usage = usage.Usage(self.index)
        self.stored: dict[str, Body] = {}
        """The status of each class as the API server has it."""
        self._news: Callable[[], None] = lambda: None
        self._wake: Wake = lambda key: None
        self._waiting: set[observed.JobKey] = set()
        self._names: dict[str, dict[observed.Uid, str]] = {"nodes": {}, "classes": {}}
        self._uids: dict[str, dict[str, observed.Uid]] = {"nodes": {}, "classes": {}}
        self._timer: asyncio.TimerHandle | None = None

    def on_change(self, wake: Wake) -> None:
        """Have `wake` called with the key of each job that waits, when anything is new."""
        self._wake = wake

    def on_news(self, tell: Callable[[], None]) -> None:
        """Have `tell` called when anything is new of nodes, classes or devices in use."""
        self._news = tell

    def node(self, body: Body, *, gone: bool) -> None:
        """Take in a Node."""
        name, uid = body["metadata"]["name"], observed.Uid(body["metadata"]["uid"])
        if self._known("nodes", name, uid, gone=gone):
            self._changed(
                self.index.drop_node(name) if gone else self.index.put_node(name, nodes.shape(body))
            )

    def class_(self, body: Body, *, gone: bool) -> None:
        """Take in an AcceleratorClass."""
        name, uid = body["metadata"]["name"], observed.Uid(body["metadata"]["uid"])
        if not self._known("classes", name, uid, gone=gone):
            return
        told = None if gone else body.get("status") or {}
        self._store(name, told)
        self._changed(
            self.index.drop_class(name) if gone else self.index.put_class(classes.read(body))
        )

    def gone(self, kind: str, uid: observed.Uid) -> None:
        """Take the loss of an object that no watch event told of."""
        name = self._names[kind].get(uid)
        if name is None or not self._known(kind, name, uid, gone=True):
            return
        if kind == "nodes":
            self._changed(self.index.drop_node(name))
        else:
            self._store(name, None)
            self._changed(self.index.drop_class(name))

    def members(self, kind: str) -> Iterator[tuple[observed.Uid, str]]:
        """Iterate over uids and names of all that is known of `nodes` or `classes`."""
        return iter(tuple(self._names[kind].items()))

    def pod(self, view: observed.PodView, *, gone: bool) -> None:
        """Take in what devices a pod has."""
        has = not gone and view.node and view.devices and view.phase not in ("Succeeded", "Failed")
        job = (view.namespace, view.training_job)
        use = usage.Use(job, view.node, view.resource, view.devices) if has else None
        if self.usage.put(view.uid, use):
            self._news()

    def waits(self, key: observed.JobKey, waits: bool) -> None:
        """Note whether a job waits for what nodes and classes there are."""
        if waits:
            self._waiting.add(key)
        else:
            self._waiting.discard(key)

    def _known(self, kind: str, name: str, uid: observed.Uid, *, gone: bool) -> bool:
        """Note the uid; return False for the end of one whose name another has already."""
        names, uids = self._names[kind], self._uids[kind]
        if gone and uids.get(name) != uid:
            return False
        if name in uids:
            del names[uids.pop(name)]
        if not gone:
            names[uid], uids[name] = name, uid
        return True

    def _store(self, name: str, told: Body | None) -> None:
        if self.stored.get(name) == told:
            return
        if told is None:
            del self.stored[name]
        else:
            self.stored[name] = told
        self._news()

    def _changed(self, changed: bool) -> None:
        if changed:
            self._news()
        if changed and self._waiting and self._timer is None:
            pause = max(PAUSE_SECONDS, len(self._waiting) / WOKEN_A_SECOND)
            self._timer = asyncio.get_running_loop().call_later(pause, self._tell)

    def _tell(self) -> None:
        self._timer = None
        for key in tuple(self._waiting):
            self._wake(key)

    def close(self) -> None:
        """Wake nobody any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
