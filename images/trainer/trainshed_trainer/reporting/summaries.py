"""The model's layers as plain text, as `model-summary.txt` has them."""

from __future__ import annotations

from trainshed_trainer.reporting import findings

HEADS = ("Layer", "Kind", "Output", "Parameters", "After")


def render(model: findings.Model) -> str:
    """Return a table of all layers, and what they come to."""
    rows = [HEADS]
    for each in model.layers:
        shape = " x ".join(map(str, each.shape))
        after = ", ".join(each.after) or "input"
        rows.append((each.name, each.kind, shape, f"{each.parameters:,}", after))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    lines += ["", f"Parameters: {model.parameters:,}"]
    lines += [f"Operations of one sample's answer (FLOPs): {model.flops:,}", ""]
    return "\n".join(lines)
