"""Why a build's Job could not be created, in words for the TrainingJob."""

from __future__ import annotations

from trainshed.api import reasons
from trainshed.builds import orders
from trainshed.core import observed
from trainshed.kube import errors


def rejected(error: errors.ApiError) -> observed.Refusal:
    """Return what the API server's answer means for a build."""
    terminal = isinstance(error, errors.Invalid)
    message = f"the API server did not take the build's Job: {error}; {_advice(error)}"
    return observed.Refusal(reasons.Reason.BUILD_REJECTED, message, terminal=terminal)


def _advice(error: errors.ApiError) -> str:
    if isinstance(error, errors.Invalid):
        return "mend what it names, then create the job anew"
    if isinstance(error, errors.Forbidden):
        return "free quota, or have allowed what it names: it is tried again"
    return "it is tried again"


def oversized(order: orders.Order) -> observed.Refusal:
    """Return why an order fits into no object of the API server."""
    if order.files:
        message = (
            "the files are too large for a build pod's order, which has 256 KiB: put them into a"
            " git repository, or remove some"
        )
        return observed.Refusal(reasons.Reason.SOURCE_TOO_LARGE, message, terminal=True)
    message = "the build's order is too large: shorten source.entrypoint or registry.ca"
    return observed.Refusal(reasons.Reason.BUILD_REJECTED, message, terminal=True)
