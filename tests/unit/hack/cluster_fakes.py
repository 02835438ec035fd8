"""The machine's programs, which only remember what they were asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


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
