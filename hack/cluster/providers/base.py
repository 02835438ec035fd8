"""What every provider can do, and what it tells about its cluster."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from hack.cluster import console, errors


@dataclass(frozen=True, slots=True)
class Registry:
    """One registry by three names: of the operator, of the kubelet, of this machine."""

    push: str
    pull: str
    host: str


@dataclass(frozen=True, slots=True)
class Info:
    """What another program needs to use the cluster."""

    provider: str
    kubeconfig: str
    context: str
    registry: Registry
    prometheus: str
    state: str
    programs: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Part:
    """One row of `status`."""

    name: str
    state: str
    detail: str = ""
    ok: bool = True

    def document(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Options:
    """What `up` was asked for; None leaves a thing as it is."""

    kwok: int | None = None
    devices: bool | None = None
    context: str | None = None
    registry: str | None = None
    prometheus: str | None = None


def refuse_addresses(options: Options) -> None:
    """Raise where the options name a cluster that is there, though one is to be made."""
    if options.context or options.registry or options.prometheus:
        raise errors.ClusterError(
            "--context, --registry and --prometheus name what is there: say --provider existing "
            "with them, or leave them out"
        )


class Provider(Protocol):
    """A way to have a cluster."""

    @property
    def name(self) -> str: ...

    def unavailable(self) -> str | None:
        """Return why this machine cannot have it, or None."""
        ...

    def check(self, options: Options) -> None:
        """Raise where `up` could not even begin with these options; changes nothing."""
        ...

    def up(self, options: Options, *, shown: console.Console) -> None:
        """Start what is down, and return when the cluster is ready."""
        ...

    def down(self, *, shown: console.Console) -> Sequence[str]:
        """Remove what was made, and return in words what stays, with the way to remove it."""
        ...

    def status(self) -> list[Part]: ...

    def load(self, image: str, *, shown: console.Console) -> str:
        """Make the image available to pods, and return the reference that they pull."""
        ...

    def info(self) -> Info: ...

    def logs(self) -> dict[str, pathlib.Path]:
        """Return the log files by part."""
        ...
