"""apt's sources: where this machine fetches Debian and its security updates. Pure.

`apt-get indextargets` tells the same, but reads all package lists for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_LINE = re.compile(r"^deb\s+(?:\[[^\]]*\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<components>.+)$")


@dataclass(frozen=True, slots=True)
class Source:
    """One place of one suite."""

    uri: str
    suite: str
    components: tuple[str, ...]


def mirrors(sources: Iterable[Source]) -> tuple[str | None, str | None]:
    """Return the mirrors of Debian and of its security updates."""
    main: str | None = None
    security: str | None = None
    for source in sources:
        if "main" not in source.components or not source.uri.startswith("http"):
            continue
        if source.suite.endswith("-security"):
            security = security or source.uri
        elif "-" not in source.suite:
            main = main or source.uri
    return main, security


def parse(name: str, text: str) -> Iterator[Source]:
    """Yield the sources of one file: stanzas in *.sources, else lines."""
    yield from (_stanzas(text) if name.endswith(".sources") else _lines(text))


def _lines(text: str) -> Iterator[Source]:
    for line in text.splitlines():
        if found := _LINE.match(line.partition("#")[0].strip()):
            yield Source(found["uri"], found["suite"], tuple(found["components"].split()))


def _stanzas(text: str) -> Iterator[Source]:
    for stanza in re.split(r"\n\s*\n", text):
        fields: dict[str, list[str]] = {}
        key = ""
        for line in stanza.splitlines():
            if line.startswith("#"):
                continue
            if not line[:1].isspace():
                key, _, line = line.partition(":")
            fields.setdefault(key.strip().lower(), []).extend(line.split())
        if "deb" not in fields.get("types", []) or fields.get("enabled") == ["no"]:
            continue
        for uri in fields.get("uris", []):
            for suite in fields.get("suites", []):
                yield Source(uri, suite, tuple(fields.get("components", [])))
