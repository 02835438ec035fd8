"""Credentials of hosts, read from a docker config.json."""

from __future__ import annotations

import base64
import binascii
import json
import pathlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Login:
    """Who we are at one host; neither part ever prints."""

    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)

    def basic(self) -> str:
        """Return the value of a basic Authorization header."""
        pair = f"{self.username}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode('ascii')}"


def load(path: str) -> dict[str, Login]:
    """Return the logins by host; an empty path is none. Raises ValueError without a secret."""
    if not path:
        return {}
    try:
        document = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise ValueError(f"{path} is no readable docker config.json") from None
    return {_host(name): _login(each) for name, each in (document.get("auths") or {}).items()}


def _host(name: str) -> str:
    return name.removeprefix("https://").removeprefix("http://").partition("/")[0]


def _login(entry: Mapping[str, Any]) -> Login:
    username, password = str(entry.get("username", "")), str(entry.get("password", ""))
    if entry.get("auth"):
        try:
            text = base64.b64decode(str(entry["auth"]), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise ValueError("an auth entry of the docker config.json is no base64") from None
        username, _, password = text.partition(":")
    return Login(username, password, str(entry.get("identitytoken", "")))
