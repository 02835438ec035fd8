"""The machine's programs, which only remember what they were asked, and an API server of nodes."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from hack.cluster import processes


class Commands:
    """Plays the machine's programs: answers by the beginning of a command line."""

    def __init__(self, answers: Mapping[str, str | Exception] | None = None) -> None:
        self.answers = dict(answers or {})
        self.ran: list[str] = []
        self.inputs: list[str] = []

    def __call__(
        self,
        argv: Sequence[str],
        *,
        text: str | None = None,
        environment: Mapping[str, str] | None = None,
        seconds: float | None = None,
    ) -> str:
        line = " ".join(argv)
        self.ran.append(line)
        self.inputs.append(text or "")
        for beginning, answer in self.answers.items():
            if line.startswith(beginning):
                if isinstance(answer, Exception):
                    raise answer
                return answer
        return ""

    def index(self, part: str) -> int:
        return next(at for at, line in enumerate(self.ran) if part in line)


class ApiServer:
    """Plays the API server and kwok: nodes alone, each of them Ready at once."""

    def __init__(self) -> None:
        self.nodes: dict[str, Any] = {}

    def get(self, path: str, *, labelSelector: str) -> dict[str, Any]:
        del path
        chosen = [each for each in self.nodes.values() if _selected(each, labelSelector)]
        return {"items": copy.deepcopy(chosen)}

    def create(self, path: str, body: Mapping[str, Any]) -> None:
        del path
        ready = {"type": "Ready", "status": "True"}
        status = {**body["status"], "conditions": [ready]}
        self.nodes[body["metadata"]["name"]] = {**body, "status": status}

    def delete(self, path: str) -> None:
        del self.nodes[path.rpartition("/")[2]]


def _selected(node: Mapping[str, Any], selector: str) -> bool:
    labels = node["metadata"]["labels"]
    for part in selector.split(","):
        key, equals, value = part.partition("=")
        if not (labels.get(key) == value if equals else key.removeprefix("!") not in labels):
            return False
    return True


class Supervisor:
    """Plays the supervisor: remembers what it started and stopped."""

    def __init__(self) -> None:
        self.did: list[str] = []

    def current(self, component: processes.Component) -> bool:
        return self.did[-1:] == [f"start {component.name}"]

    def start(self, component: processes.Component) -> None:
        self.did.append(f"start {component.name}")

    def stop(self, name: str) -> None:
        self.did.append(f"stop {name}")
