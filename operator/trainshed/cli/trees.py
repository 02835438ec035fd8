"""Shows the answer to why a job does not go on: as a tree for a person, or for a program."""

from __future__ import annotations

import json
from typing import IO, Any

import rich.console
import rich.text
import rich.tree
import yaml

from trainshed.cli import texts, why

_WIDE = 1 << 14
"""Columns where nobody looks: a message stays one line."""
_SIGNS = {
    why.Mark.DONE: ("✓", "green"),
    why.Mark.NOW: ("…", "yellow"),
    why.Mark.BLOCKED: ("✗", "red"),
    why.Mark.LATER: ("·", "dim"),
}


def write(answer: why.Answer, form: texts.Form, out: IO[str]) -> None:
    """Write an answer."""
    if form is texts.Form.TEXT:
        width = None if out.isatty() else _WIDE
        console = rich.console.Console(file=out, highlight=False, width=width)
        console.print(_tree(answer))
    elif form is texts.Form.JSON:
        out.write(json.dumps(_document(answer), indent=2, ensure_ascii=False) + "\n")
    else:
        out.write(yaml.safe_dump(_document(answer), sort_keys=False, width=100, allow_unicode=True))


def _tree(answer: why.Answer) -> rich.tree.Tree:
    tree = rich.tree.Tree(rich.text.Text(f"{answer.job}  {answer.phase}"))
    for each in answer.steps:
        sign, style = _SIGNS[each.mark]
        line = rich.text.Text(f"{sign} {each.step}", style=style)
        shown = each.reason if each.mark is not why.Mark.DONE else each.message
        branch = tree.add(line.append(f": {shown}" if shown else "", style="default"))
        if each.mark in (why.Mark.NOW, why.Mark.BLOCKED):
            for text, how in ((each.message, "default"), (each.todo, "bold")):
                if text:
                    arrow = "→ " if text is each.todo else ""
                    branch.add(rich.text.Text(f"{arrow}{text}", style=how))
    return tree


def _document(answer: why.Answer) -> dict[str, Any]:
    steps = [_step(each) for each in answer.steps]
    first = answer.first
    return {
        "job": answer.job,
        "phase": answer.phase,
        "first": _step(first) if first is not None else None,
        "steps": steps,
    }


def _step(step: why.Step) -> dict[str, str]:
    return {
        "step": str(step.step),
        "mark": str(step.mark),
        "reason": step.reason,
        "message": step.message,
        "todo": step.todo,
    }
