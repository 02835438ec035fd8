"""What an operator learns beside the API server's objects: builds, refusals, pushes, settings.

Times are seconds after `builders.T0`, as in the builders.
"""

from __future__ import annotations

from typing import Any

from tests import builders
from trainshed.buildpod.places import Places
from trainshed.builds import orders
from trainshed.core import observed, policy, reports
from trainshed.registry import targets


def progress(step: int, *, received: float, **fields: Any) -> reports.Progress:
    """Return a push after so many of 100 steps."""
    known = {"pod_uid": observed.Uid(builders.POD_UID), "attempt": 1, "sequence": step}
    moments = {"received": builders.T0 + received, "first_step_time": builders.T0 + 5}
    return reports.Progress(**{**known, **moments, "total_steps": 100, "step": step, **fields})


def built(*, cache_hit: bool = False, seconds: float = 0.2) -> observed.BuildView:
    """Return a build that has ended with an image."""
    sent = 0 if cache_hit else 1000
    image = observed.BuiltImage(
        builders.IMAGE, "b-" + "0" * 32, "sha256:" + "b" * 64, cache_hit, seconds, sent
    )
    return observed.BuildView(image=image)


def refused(
    reason: str, message: str = "no", *, terminal: bool = False, retry: float = 0.0
) -> observed.Refusal:
    """Return a refusal of something outside, to be tried again `retry` seconds after T0."""
    return observed.Refusal(reason, message, terminal=terminal, retry_at=builders.T0 + retry)


def settings(**fields: Any) -> policy.Policy:
    """Return the operator's settings."""
    known = {
        "base_images": {"pytorch": builders.BASE, "tensorflow": builders.TENSORFLOW_BASE},
        "progress_url": "https://progress.example:8443",
        "ca_pem": "PEM",
    }
    return policy.Policy(**{**known, **fields})


def pod_order(**fields: Any) -> orders.Order:
    """Return what a build pod is told to make."""
    known: dict[str, Any] = {
        "base": builders.BASE,
        "ignore": (),
        "max_bytes": 1 << 20,
        "entrypoint": ("x",),
        "source_entrypoint": ("python3", "train.py"),
        "compression": "zstd",
    }
    return orders.Order(**{**known, **fields})


def places(*, push: str = "https://registry.example", allowed: tuple[str, ...] = ()) -> Places:
    """Return the registries of a build pod."""
    target = targets.Target(
        push=push,
        pull=push.partition("://")[2],
        prefix="trainshed",
        allowed=frozenset(allowed),
    )
    return Places(target=target)
