"""The operator's settings that decisions depend on, handed to `decide`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from trainshed.workloads import neighbours, podgroups


def _always(image: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Policy:
    """Settings of the whole operator. Times are seconds."""

    base_images: Mapping[str, str]
    """The default base image of each framework that has one."""
    variants: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Those of other variants, as classes of accelerators name them."""
    devel_images: Mapping[str, str] = field(default_factory=dict)
    """In which extensions of a framework's code are compiled."""
    index: str = ""
    """URL of the index that packages come from; empty for the public one."""
    constraints: str = ""
    """Which of their versions may be chosen, line by line."""
    progress_url: str = ""
    """Scheme, host and port to which trainers push."""
    ca_pem: str = ""
    """The certificate authority of that endpoint."""
    build_deadline: float = 900.0
    """From apply until the image must exist."""
    startup_deadline: float = 1800.0
    """From the Job's creation until its container must have started."""
    gang_deadline: float = 600.0
    """From the moment that a pod was placed until the next one of its job must be."""
    progress_interval: float = 10.0
    """The shortest time between two status writes that only carry progress."""
    pull_secret: str = ""
    """Name of the Secret by which pods pull from the bundled registry; empty without one."""
    avoids: bool = True
    """Whether pods with devices ask for nodes without the labels that tell of faults, and all pods
    for others than those that failed again."""
    wishes: neighbours.Wishes = neighbours.DEFAULT
    """Beside which other pods jobs' pods would rather run."""
    placer: podgroups.Placer | None = None
    """What places all pods of a job or none; None: nothing does."""
    quiet_start: float = 3.0
    """How long a pod may be silent before its events are asked for the cause."""
    reaches: Callable[[str], bool] = _always
    """Whether the operator may call the registry of an image."""
