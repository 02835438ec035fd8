"""Pushes progress to the operator. Nothing that fails here may disturb the training."""

from __future__ import annotations

import json
import pathlib
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

from trainshed_trainer import accounts, context

INTERVAL_SECONDS = 5.0
TIMEOUT_SECONDS = 3.0
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
            if send(self._known, self._collect()):
                self.sent += 1
            else:
                self.failed += 1


def send(known: context.Context, payload: Payload, *, timeout: float = TIMEOUT_SECONDS) -> bool:
    """Send one push; return whether it was taken. Never raises for what the network does."""
    if not known.progress_url:
        return False
    # Milliseconds order the pushes of the ranks and of the launcher alike.
    stamped = {**payload, "attempt": known.attempt, "sequence": int(time.time() * 1000)}
    body = json.dumps(accounts.finite(stamped)).encode()
    try:
        # Read again each time: the kubelet replaces the token before it expires.
        token = pathlib.Path(known.token_file).read_text(encoding="ascii").strip()
        request = urllib.request.Request(
            known.progress_url,
            data=body,
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        trust = ssl.create_default_context(cafile=known.ca_file)
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust)
        )
        with opener.open(request, timeout=timeout) as answer:
            return bool(answer.status == 200)
    except (OSError, ValueError):
        # URLError and SSLError are OSErrors; a file that is not there yet is one too.
        return False
