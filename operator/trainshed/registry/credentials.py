"""Credentials of hosts, read from a docker config.json."""

from __future__ import annotations

import base64
import json
import pathlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from trainshed.registry import references


@dataclass(frozen=True, slots=True)
class Login:
    """Who we are at one host; no part of it ever prints."""

    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    """Where it is set, tokens are asked for with it, and not with the password."""

    def basic(self) -> str:
        """Return the value of a basic Authorization header."""
        pair = f"{self.username}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode('ascii')}"

    def secrets(self) -> tuple[str, ...]:
        """Return what must be in no message."""
        encoded = self.basic().removeprefix("Basic ")
        return tuple(each for each in (self.password, self.identity_token, encoded) if each)


def load(path: str) -> dict[str, Login]:
    """Return the logins by host; an empty path is none. Raises ValueError without a secret."""
    if not path:
        return {}
    try:
        document = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        document = None
    auths = (document.get("auths") or {}) if isinstance(document, dict) else None
    if not isinstance(auths, dict):
        raise ValueError(f"{path} is no readable docker config.json")
    return {_host(name): _login(name, each) for name, each in auths.items()}


def _host(name: str) -> str:
    plain = name.removeprefix("https://").removeprefix("http://").partition("/")[0]
    return references.canonical(plain)


def _login(name: str, entry: object) -> Login:
    if not isinstance(entry, Mapping):
        raise ValueError(f"the entry of {_host(name)} in the docker config.json is no object")
    username, password = str(entry.get("username", "")), str(entry.get("password", ""))
    if entry.get("auth"):
        try:
            text = base64.b64decode(str(entry["auth"]), validate=True).decode()
        except ValueError:
            raise ValueError(
                f"the auth of {_host(name)} in the docker config.json is no base64 of a text"
            ) from None
        username, _, password = text.partition(":")
    return Login(username, password, str(entry.get("identitytoken", "")))
