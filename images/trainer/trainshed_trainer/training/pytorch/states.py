"""A training state as bytes. Nothing but tensors and plain values is ever unpickled."""

from __future__ import annotations

import io
from typing import Any

import torch


def packed(state: Any) -> bytes:
    """Return a state as bytes."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


def unpacked(data: bytes, device: torch.device) -> Any:
    """Return the state in some bytes; raises ValueError where there is none."""
    try:
        return torch.load(io.BytesIO(data), map_location=device, weights_only=True)
    except Exception as error:  # torch raises whatever its parts do
        raise ValueError(f"the state can't be read: {error}") from error


def random_state() -> dict[str, Any]:
    """Return the state of the generators of random numbers."""
    found = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        found["cuda"] = torch.cuda.get_rng_state()
    return found


def set_random_state(state: dict[str, Any], *, rank: int) -> None:
    """Have the generators go on from a rank's state, of all ranks' in order.

    Of more ranks than there were the new ones have drawn nothing yet, and begin as they are.
    """
    if rank >= len(state["cpu"]):
        return
    torch.set_rng_state(state["cpu"][rank].cpu())
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"][rank].cpu())
