"""Faults of a registry by method and path, and what a build says of them."""

from collections.abc import Callable

import httpx
import pytest

from tests.unit.registry import faulty
from trainshed.registry import errors

TAG = "/trainshed/ns/team-a/manifests/"


Answer = Callable[[], httpx.Response | Exception]


def at(method: str, part: str, *answers: Answer | None) -> faulty.Fault:
    """Return a fault of the first requests of a method and path; None answers as it should."""
    left = list(answers)

    def fault(request: httpx.Request) -> httpx.Response | Exception | None:
        if not left or request.method != method or part not in request.url.path:
            return None
        answer = left.pop(0)
        return None if answer is None else answer()

    return fault


def always(method: str, part: str, answer: Answer) -> faulty.Fault:
    """Return a fault of every request of a method and path."""

    def fault(request: httpx.Request) -> httpx.Response | Exception | None:
        return answer() if request.method == method and part in request.url.path else None

    return fault


def status(code: int, *, body: bytes = b"", **headers: str) -> Answer:
    """Return an answer of a code; headers are named with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda: httpx.Response(code, headers=named, content=body)


def broken(kind: type[httpx.TransportError] = httpx.ReadError) -> Answer:
    """Return a connection that breaks."""
    return lambda: kind("broken")


async def refusal(fault: faulty.Fault, *, base: str = faulty.BASE_NAME) -> errors.RegistryError:
    """Return why an image could not be made."""
    with pytest.raises(errors.RegistryError) as caught:
        await faulty.Rig(faulty.Registry(fault)).make(base=base)
    return caught.value
