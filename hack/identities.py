"""Who we are to an API server: a kubeconfig's user, by certificate, token or exec plugin.

A way to log in that is not known here is refused: to go on without it would be to ask as anybody.
"""

from __future__ import annotations

import base64
import contextlib
import datetime
import json
import os
import pathlib
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

Body = Mapping[str, Any]
Token = Callable[[bool], str]
"""Returns the bearer token; with True a new one, where there can be one."""

_GROUP = "client.authentication.k8s.io"
_VERSIONS = (f"{_GROUP}/v1", f"{_GROUP}/v1beta1")
_KNOWN = frozenset(
    {
        "client-certificate",
        "client-certificate-data",
        "client-key",
        "client-key-data",
        "exec",
        "token",
        "tokenFile",
    }
)
_PLUGIN_SECONDS = 60.0
_MARGIN_SECONDS = 30.0


class Unusable(Exception):
    """A kubeconfig that can't be followed; the text is a sentence for a person."""


class Bearer(httpx.Auth):
    """Sends a token with each request, and once more a new one where it is refused."""

    def __init__(self, token: Token) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send the request by the token."""
        sent = self._token(False)
        request.headers["Authorization"] = f"Bearer {sent}"
        answer = yield request
        if answer.status_code != httpx.codes.UNAUTHORIZED:
            return
        if (fresh := self._token(True)) != sent:
            request.headers["Authorization"] = f"Bearer {fresh}"
            yield request


@dataclass(frozen=True, slots=True)
class Identity:
    """A client certificate with its key, each as PEM or empty, and what goes with each request."""

    certificate: bytes = b""
    key: bytes = b""
    auth: httpx.Auth | None = None

    def present(self, context: ssl.SSLContext) -> None:
        """Let connections of the context show the certificate."""
        if self.certificate:
            with _file(self.certificate) as chain, _file(self.key) as key:
                context.load_cert_chain(chain, key)


def read(user: Body, *, cluster: Body, folder: pathlib.Path) -> Identity:
    """Return the identity of a kubeconfig's user; paths in it start at the folder."""
    if unknown := sorted(key for key in user.keys() - _KNOWN if user[key]):
        raise Unusable(
            f"the kubeconfig's user logs in by {', '.join(unknown)}, which is not supported here: "
            "use a context with a client certificate, a token or an exec plugin"
        )
    certificate, key = _pem(user, "client-certificate", folder), _pem(user, "client-key", folder)
    if bool(certificate) != bool(key):
        raise Unusable("the kubeconfig's user has a client certificate or its key, but not both")
    if path := user.get("tokenFile"):
        file = folder / path
        return Identity(certificate, key, Bearer(lambda fresh: _text(file)))
    if token := user.get("token"):
        return Identity(certificate, key, Bearer(lambda fresh: str(token)))
    if user.get("exec") and not certificate:
        return _by_plugin(Plugin(user["exec"], cluster=cluster, folder=folder))
    return Identity(certificate, key)


class Plugin:
    """A program that says who we are; what it said holds until the time that it names."""

    def __init__(self, settings: Body, *, cluster: Body, folder: pathlib.Path) -> None:
        if (version := settings.get("apiVersion")) not in _VERSIONS:
            raise Unusable(
                f"the kubeconfig's exec plugin speaks {version}: have it speak {_VERSIONS[0]} "
                "(a newer plugin, or its own command that writes kubeconfigs)"
            )
        if settings.get("interactiveMode") == "Always":
            raise Unusable(
                f"the kubeconfig's exec plugin {settings['command']} wants to ask at a terminal: "
                "log in first, or use a context with a token"
            )
        self._settings = settings
        self._cluster = cluster
        self._folder = folder
        self._said: Body = {}

    def token(self, fresh: bool) -> str:
        """Return the token that it said, or says now."""
        return str(self.status(fresh).get("token", ""))

    def status(self, fresh: bool) -> Body:
        """Return what it said last, or run it where that is over."""
        if fresh or not self._said or _over(self._said):
            self._said = self._run()
        return self._said

    def _run(self) -> Body:
        settings = self._settings
        argv = [_program(settings["command"], self._folder), *(settings.get("args") or ())]
        told = {each["name"]: each["value"] for each in settings.get("env") or ()}
        asked = {
            "apiVersion": settings["apiVersion"],
            "kind": "ExecCredential",
            "spec": {"interactive": False, **self._about_cluster()},
        }
        environment = {**os.environ, **told, "KUBERNETES_EXEC_INFO": json.dumps(asked)}
        try:
            done = subprocess.run(
                argv,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_PLUGIN_SECONDS,
                check=True,
            )
            status: Body = json.loads(done.stdout)["status"]
        except subprocess.CalledProcessError as error:
            raise self._failed(error.stderr.decode(errors="replace").strip()) from None
        except (OSError, subprocess.TimeoutExpired) as error:
            raise self._failed(str(error)) from None
        except (ValueError, KeyError, TypeError):
            raise self._failed("it did not write an ExecCredential") from None
        if not status.get("token") and not status.get("clientCertificateData"):
            raise self._failed("it gave neither a token nor a certificate")
        return status

    def _about_cluster(self) -> Body:
        if not self._settings.get("provideClusterInfo"):
            return {}
        authority = _pem(self._cluster, "certificate-authority", self._folder)
        told = {
            "server": self._cluster["server"],
            "certificate-authority-data": base64.b64encode(authority).decode("ascii"),
            "insecure-skip-tls-verify": bool(self._cluster.get("insecure-skip-tls-verify")),
        }
        return {"cluster": {key: value for key, value in told.items() if value}}

    def _failed(self, why: str) -> Unusable:
        hint = self._settings.get("installHint") or "try `kubectl get nodes` with this context"
        return Unusable(
            f"the kubeconfig's exec plugin {self._settings['command']} failed: {why}\n{hint}"
        )


def _by_plugin(plugin: Plugin) -> Identity:
    """Return what a plugin says; a certificate of it is taken once, a token again and again."""
    said = plugin.status(False)
    certificate = str(said.get("clientCertificateData") or "").encode()
    key = str(said.get("clientKeyData") or "").encode()
    return Identity(certificate, key, Bearer(plugin.token) if said.get("token") else None)


def _over(said: Body) -> bool:
    until = said.get("expirationTimestamp")
    if not until:
        return False
    return datetime.datetime.fromisoformat(until).timestamp() - _MARGIN_SECONDS < time.time()


def _program(command: str, folder: pathlib.Path) -> str:
    """Return the program: a path starts at the kubeconfig, a name is looked for on the PATH."""
    return str(folder / command) if "/" in command else command


def _pem(entry: Body, name: str, folder: pathlib.Path) -> bytes:
    """Return what an entry holds, or names a file of, or nothing."""
    if data := entry.get(f"{name}-data"):
        return base64.b64decode(data)
    return (folder / entry[name]).read_bytes() if entry.get(name) else b""


def _text(file: pathlib.Path) -> str:
    try:
        return file.read_text("utf-8").strip()
    except OSError as error:
        raise Unusable(f"the kubeconfig's token can't be read: {error}") from None


@contextlib.contextmanager
def _file(content: bytes) -> Iterator[str]:
    """Yield the path of a file that only we can read: ssl takes keys from files alone."""
    handle, path = tempfile.mkstemp()
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        yield path
    finally:
        pathlib.Path(path).unlink()
