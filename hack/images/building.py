"""Builds what is out of date, in order, and shows how far it is."""

from __future__ import annotations

import contextlib
import fcntl
import pathlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hack.cluster import console
from hack.images import catalogue, errors, machine, places, programs, rootfs
from hack.images.engines import base as engines

LABEL = "dev.trainshed.inputs"


@dataclass(frozen=True, slots=True)
class Builder:
    """Builds with one engine; base is a public image to stand on, or nothing."""

    engine: engines.Engine
    lie: places.Places
    run: programs.Runner
    shown: console.Console
    base: str | None = None
    fresh: bool = False

    def build(self, images: Sequence[catalogue.Image]) -> list[str]:
        """Bring the images up to date and return the names of those that were built."""
        with _alone(self.lie.cache, shown=self.shown):
            self.engine.tidy()
            root = self.base or self._rootfs()
            on = {"": root, **{image.name: image.local for image in catalogue.IMAGES}}
            return [image.name for image in images if self._image(image, on=on[image.on])]

    def _rootfs(self) -> str | None:
        """Return the image that debootstrap makes, or nothing where it can't be made."""
        if not rootfs.possible():
            return None
        carried = machine.read(run=self.run)
        inputs = rootfs.inputs(carried)
        if self._current(rootfs.REF, inputs) is None:
            title = f"making a Debian {rootfs.SUITE} with Python by debootstrap"
            with self._step(title, "rootfs") as (log, on_line):
                dockerfile = rootfs.make(
                    self.lie.rootfs, carried, run=self.run, log=log, on_line=on_line
                )
                order = engines.Build(
                    ref=rootfs.REF,
                    dockerfile=dockerfile,
                    context=self.lie.rootfs,
                    labels={LABEL: inputs},
                    fresh=self.fresh,
                )
                self._replace(order, log=log, on_line=on_line)
                rootfs.remove(self.lie.rootfs)
        return rootfs.REF

    def _image(self, image: catalogue.Image, *, on: str | None) -> bool:
        """Bring one image up to date; without a base its Dockerfile's default is taken."""
        inputs = catalogue.inputs(image, root=self.lie.root, base=self._identity(on))
        if self._current(image.local, inputs) is not None:
            return False
        order = engines.Build(
            ref=image.local,
            dockerfile=self.lie.root / image.dockerfile,
            context=self.lie.root,
            arguments={"BASE": on} if on else {},
            labels={LABEL: inputs},
            fresh=self.fresh,
        )
        with self._step(f"building the image {image.name}", image.name) as (log, on_line):
            self._replace(order, log=log, on_line=on_line)
        return True

    def _identity(self, ref: str | None) -> str:
        """Return what tells one base from another: its digest here, else its name."""
        found = self.engine.find(ref) if ref else None
        return found.id if found is not None else ref or ""

    def _current(self, ref: str, inputs: str) -> engines.Found | None:
        found = None if self.fresh else self.engine.find(ref)
        return found if found is not None and found.labels.get(LABEL) == inputs else None

    def _replace(
        self, order: engines.Build, *, log: pathlib.Path, on_line: programs.OnLine
    ) -> None:
        """Build, and remove the image that had the name before."""
        before = self.engine.find(order.ref)
        self.engine.build(order, log=log, on_line=on_line)
        after = self.engine.find(order.ref)
        if after is None:
            raise errors.CommandFailed(f"{order.ref} was built but is not there: see {log}")
        if before is not None and before.id != after.id:
            with contextlib.suppress(errors.CommandFailed):  # others may stand on it
                self.engine.remove(before.id)

    @contextlib.contextmanager
    def _step(self, title: str, name: str) -> Iterator[tuple[pathlib.Path, programs.OnLine]]:
        log = self.lie.logs / f"image-{name}.log"
        log.unlink(missing_ok=True)
        with self.shown.step(title) as step:
            yield log, engines.Steps(step.update)


@contextlib.contextmanager
def _alone(cache: pathlib.Path, *, shown: console.Console) -> Iterator[None]:
    """Hold the cache's lock: two builds of one image would only do it twice."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            shown.note("another build is running: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
