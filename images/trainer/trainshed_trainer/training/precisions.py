"""What a GPU computes in."""

from __future__ import annotations

from trainshed_trainer import errors


def of_gpu(asked: str, *, bf16: bool) -> str:
    """Return what was asked for, or the best for `auto`. `bf16`: whether this GPU has it."""
    if asked == "auto":
        return "bf16" if bf16 else "fp32"
    if asked == "bf16" and not bf16:
        raise errors.ConfigurationError(
            "this GPU can't compute in bf16: set training.precision to auto, fp16 or fp32",
            reason="PrecisionNotSupported",
        )
    return asked
