"""A small client of the cluster's API server, for readiness and for a handful of objects."""

from __future__ import annotations

import http.client
import json
import pathlib
import ssl
from collections.abc import Iterator
from typing import Any

from hack.cluster import documents, errors

_MANAGER = "trainshed-cluster"


class Api:
    """One connection, kept; JSON in and out."""

    def __init__(
        self,
        *,
        port: int,
        pki: pathlib.Path,
        address: str = "127.0.0.1",
        identity: str = "admin",
    ) -> None:
        self._port = port
        self._pki = pki
        self._identity = identity
        self._address = address
        self._connection: http.client.HTTPSConnection | None = None

    def request(
        self, method: str, path: str, body: documents.Document | None = None, *, kind: str = "json"
    ) -> tuple[int, Any]:
        """Return the answer's code and its JSON; text that is not JSON comes as it is."""
        data = None if body is None else json.dumps(body)
        headers = {"Content-Type": f"application/{kind}", "Accept": "application/json"}
        try:
            connection = self._connect()
            connection.request(method, path, body=data, headers=headers)
            answer = connection.getresponse()
            text = answer.read().decode("utf-8", errors="replace")
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        try:
            return answer.status, json.loads(text)
        except ValueError:
            return answer.status, text

    def get(self, path: str) -> Any:
        """Return the object at path; anything but success is an error."""
        return _checked("GET", path, self.request("GET", path))

    def apply(self, path: str, body: documents.Document) -> Any:
        """Make the object at path hold body (server-side apply, by force)."""
        target = f"{path}?fieldManager={_MANAGER}&force=true"
        return _checked("PATCH", path, self.request("PATCH", target, body, kind="apply-patch+yaml"))

    def create(self, path: str, body: documents.Document) -> Any:
        """Create body in the collection at path."""
        return _checked("POST", path, self.request("POST", path, body))

    def delete(self, path: str) -> None:
        """Delete the object at path; one that is gone already is fine."""
        code, answer = self.request("DELETE", path)
        if code != http.client.NOT_FOUND:
            _checked("DELETE", path, (code, answer))

    def lines(self, path: str) -> Iterator[bytes]:
        """Yield the lines of a watch as they come, until the server ends it.

        Nothing may come for as long as the watch lasts, so there is no time limit on a read.
        """
        connection = self._connect()
        connection.request("GET", path, headers={"Accept": "application/json"})
        answer = connection.getresponse()
        if answer.status != http.client.OK:
            raise errors.CommandFailed(f"GET {path} answered {answer.status}")
        if connection.sock is not None:
            connection.sock.settimeout(None)
        yield from answer

    def unready(self) -> str | None:
        """Return why the server does not serve yet, or None when it does."""
        try:
            code, text = self.request("GET", "/readyz")
        except (OSError, http.client.HTTPException) as error:
            return str(error) or type(error).__name__
        if code == http.client.OK:
            return None
        failing = [line for line in str(text).splitlines() if line.startswith("[-]")]
        return ", ".join(failing) or f"it answers {code}"

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> http.client.HTTPSConnection:
        if self._connection is None:
            context = ssl.create_default_context(cafile=str(self._pki / "ca.crt"))
            context.load_cert_chain(
                self._pki / f"{self._identity}.crt", self._pki / f"{self._identity}.key"
            )
            self._connection = http.client.HTTPSConnection(
                self._address, self._port, context=context, timeout=10
            )
        return self._connection


def _checked(method: str, path: str, answered: tuple[int, Any]) -> Any:
    code, body = answered
    if code >= http.client.BAD_REQUEST:
        message = body.get("message", body) if isinstance(body, dict) else body
        raise errors.CommandFailed(f"{method} {path} answered {code}: {message}")
    return body
