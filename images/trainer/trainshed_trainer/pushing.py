"""Pushes progress to the operator. Nothing that fails here may disturb the training."""

from __future__ import annotations

import pathlib
import threading
import time
import urllib.parse
from collections.abc import Callable
from typing import Any

from trainshed_trainer import accounts, context

INTERVAL_SECONDS = 5.0
TIMEOUT_SECONDS = 3.0
"""Of each wait on the network."""
Payload = dict[str, Any]


class Pusher:
    """Sends what `collect` returns: at once when asked, else every few seconds."""

    def __init__(
        self,
        known: context.Context,
        collect: Callable[[], Payload],
        *,
        interval: float = INTERVAL_SECONDS,
    ) -> None:
        """`collect` is called on the pusher's own thread."""
        self._known = known
        self._collect = collect
        self._interval = interval
        self._wake = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._loop, name="trainshed-push", daemon=True)
        self.sent = 0
        self.failed = 0

    def start(self) -> None:
        """Begin to push."""
        self._thread.start()

    def now(self) -> None:
        """Push at once, as after the first step."""
        self._wake.set()

    def close(self) -> None:
        """Stop; the launcher sends the last word."""
        self._closing = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=TIMEOUT_SECONDS + 1)

    def _loop(self) -> None:
        while not self._closing:
            self._wake.wait(self._interval)
            self._wake.clear()
            if self._closing:
                return
            if self._push():
                self.sent += 1
            else:
                self.failed += 1

    def _push(self) -> bool:
        try:
            return send(self._known, self._collect())
        except Exception:  # a user's value may do anything when it is read
            return False


def send(known: context.Context, payload: Payload, *, timeout: float = TIMEOUT_SECONDS) -> bool:
    """Send one push; return whether it was taken. Never raises for what the network does.

    No proxy is asked and no redirect followed: the token is for the operator alone.
    """
    # Imported late: process 1 is deaf to SIGTERM until its own imports are done.
    import http.client

    try:
        return _status(known, payload, timeout=timeout) == http.client.OK
    except (OSError, ValueError, TypeError, RecursionError, http.client.HTTPException):
        # SSLError is an OSError; so is a file that is not there yet.
        return False


def send_within(known: context.Context, payload: Payload, *, seconds: float) -> None:
    """Send one push, and give it up after so many seconds: looking up a name has no time-out."""
    thread = threading.Thread(
        target=send, args=(known, payload), kwargs={"timeout": seconds}, daemon=True
    )
    thread.start()
    thread.join(timeout=seconds)


def _status(known: context.Context, payload: Payload, *, timeout: float) -> int:
    import http.client
    import ssl

    url = urllib.parse.urlsplit(known.progress_url)
    if url.scheme != "https" or not url.hostname:
        raise ValueError(f"{known.progress_url!r} is no https URL")
    # Milliseconds order the pushes of the rank and of the launcher alike.
    stamped = {**payload, "attempt": known.attempt, "sequence": time.time_ns() // 1_000_000}
    # Read again each time: the kubelet replaces the token before it expires.
    token = pathlib.Path(known.token_file).read_text(encoding="ascii").strip()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    trust = ssl.create_default_context(cafile=known.ca_file)
    connection = http.client.HTTPSConnection(url.hostname, url.port, timeout=timeout, context=trust)
    try:
        connection.request("POST", url.path, accounts.compact(stamped).encode(), headers)
        return connection.getresponse().status
    finally:
        connection.close()
