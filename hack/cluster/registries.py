"""Debian's docker-registry: the cluster's own, and extra ones that a test starts.

    with registries.started(folder, address="127.0.0.1:5001",
                            credentials=registries.Credentials("ann", "secret")) as registry:
        registry.url

Needs no cluster. `trust` of a running cluster makes its kubelet pull from an extra one.
"""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import http.client
import pathlib
import secrets
import string
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hack.cluster import documents, errors, ports, processes, waiting

_PROGRAM = "/usr/bin/docker-registry"
_ALPHABET = string.ascii_letters + string.digits + "./"


@dataclass(frozen=True, slots=True)
class Credentials:
    user: str
    password: str


@dataclass(frozen=True, slots=True)
class Certificate:
    """A server certificate and its key, as PEM files."""

    certificate: pathlib.Path
    key: pathlib.Path


@dataclass(frozen=True, slots=True)
class Registry:
    """A registry that runs."""

    url: str
    address: str
    log: pathlib.Path


def config(
    *,
    folder: pathlib.Path,
    address: str,
    credentials: Credentials | None,
    certificate: Certificate | None = None,
) -> documents.Document:
    """Return a registry's configuration.

    Without a cache of blob descriptors, so that a deleted blob is gone at once.
    """
    served: dict[str, Any] = {"addr": address, "relativeurls": True}
    if certificate is not None:
        served["tls"] = {
            "certificate": str(certificate.certificate),
            "key": str(certificate.key),
        }
    rendered: dict[str, Any] = {
        "version": 0.1,
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": str(folder)},
            "delete": {"enabled": True},
            "maintenance": {"uploadpurging": {"enabled": False}},
        },
        "http": served,
    }
    if credentials is not None:
        rendered["auth"] = {"htpasswd": {"realm": "trainshed", "path": str(folder / "htpasswd")}}
    return rendered


def command(path: pathlib.Path) -> tuple[str, ...]:
    return (_PROGRAM, "serve", str(path))


@contextlib.contextmanager
def started(
    folder: pathlib.Path,
    *,
    address: str,
    credentials: Credentials | None = None,
    certificate: Certificate | None = None,
) -> Iterator[Registry]:
    """Run a registry on address with its data under folder, until the body ends."""
    host, _, port = address.rpartition(":")
    if not ports.bindable(host, port=int(port)):
        raise errors.Conflict(f"{address} is in use by {ports.holder(int(port))}")
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    if credentials is not None:
        line = f"{credentials.user}:{bcrypt(credentials.password)}\n"
        documents.write(data / "htpasswd", line, mode=0o600)
    path = documents.write_yaml(
        folder / "registry.yaml",
        config(folder=data, address=address, credentials=credentials, certificate=certificate),
    )
    component = processes.Component("registry", command(path), (path,))
    supervisor = processes.Supervisor(pids=folder, logs=folder, mark=str(folder))
    supervisor.start(component)
    try:
        waiting.until(
            f"the registry on {address}",
            lambda: unready(host, port=int(port), secure=certificate is not None),
            seconds=15,
            hint=supervisor.tail("registry"),
        )
        scheme = "http" if certificate is None else "https"
        yield Registry(f"{scheme}://{address}", address, supervisor.log("registry"))
    finally:
        supervisor.stop("registry", grace=2)


def unready(host: str, *, port: int, secure: bool = False) -> str | None:
    """Return why nothing answers there yet, or None; a refusal for want of a name is an answer."""
    if secure:
        return None if not ports.bindable(host, port=port) else "nothing listens"
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/v2/")
        answered = connection.getresponse().status
    except OSError as error:
        return str(error)
    finally:
        connection.close()
    known = (http.client.OK, http.client.UNAUTHORIZED)
    return None if answered in known else f"it answers {answered}"


def bcrypt(password: str) -> str:
    """Return the password's bcrypt hash, the only kind that docker-registry takes.

    By the C library's crypt: Python's own module of that name is gone since 3.13.
    """
    library = ctypes.CDLL(ctypes.util.find_library("crypt") or "libcrypt.so.1")
    library.crypt.restype = ctypes.c_char_p
    # The last character of a salt carries two bits, so not every letter may end one.
    salt = "".join(secrets.choice(_ALPHABET) for _ in range(21)) + secrets.choice(".Oeu")
    hashed = library.crypt(password.encode(), f"$2b$05${salt}".encode())
    if not hashed or not hashed.startswith(b"$2b$"):
        raise errors.Unavailable("this machine's C library has no bcrypt (libxcrypt)")
    return str(hashed.decode("ascii"))
