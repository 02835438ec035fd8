"""How much of the operator one client, and all of them together, may hold."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of the endpoint. Times are seconds."""

    connections: int = 512
    """TLS connections at once; asyncio holds a quarter of a MiB for each."""
    handshake_seconds: float = 5.0
    """From the first packet to the end of the TLS handshake."""
    request_seconds: float = 10.0
    """From there to the end of the headers."""
    body_seconds: float = 5.0
    """From there to the end of the body."""
    headers: int = 32
    """Header lines of a request; each may have 8 KiB."""
    linger_seconds: float = 1.0
    """How long the rest of a refused body is read, so that the refusal arrives."""
    shutdown_seconds: float = 5.0
    """How long requests in progress may go on when the server stops."""
