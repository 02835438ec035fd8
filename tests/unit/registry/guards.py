"""Registries that want to know who asks, and what nobody else is ever told."""

import base64
from collections.abc import Callable

import httpx

from tests.unit.registry import faulty
from trainshed.registry import credentials

PASSWORD = "pass-word-of-ann"


IDENTITY = "identity-of-ann"


TOKEN = "token-of-the-day"


LOGIN = credentials.Login("ann", PASSWORD)


SECRETS = (PASSWORD, IDENTITY, TOKEN, base64.b64encode(f"ann:{PASSWORD}".encode()).decode())


OWN = "https://registry.example/token"


def bearer(realm: str = OWN) -> str:
    """Return the challenge for tokens of a realm."""
    return f'Bearer realm="{realm}",service="r",scope="repository:x:pull"'


def guarded(
    challenge: str,
    *,
    accepted: Callable[[], str] = lambda: f"Bearer {TOKEN}",
    service: Callable[[httpx.Request], httpx.Response] = lambda _: httpx.Response(
        200, json={"token": TOKEN}
    ),
) -> faulty.Fault:
    """Return a registry that wants a header, and the service of its tokens."""

    def fault(request: httpx.Request) -> httpx.Response | None:
        if not request.url.path.startswith("/v2/"):
            return service(request)
        if request.headers.get("Authorization") == accepted():
            return None
        return httpx.Response(401, headers={"WWW-Authenticate": challenge})

    return fault


def echo(request: httpx.Request) -> httpx.Response:
    """Say what was sent, as no registry should."""
    said = f"{request.headers} {request.headers.get('Authorization')} {request.content!r}"
    return httpx.Response(400, json={"errors": [{"code": said, "message": said}]})
