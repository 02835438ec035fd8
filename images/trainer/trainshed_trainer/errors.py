"""What can be wrong with a run that is not a fault of its code.

TrainerError            reason, failure_class, exit_code 2
├── ConfigurationError  the spec says what can't be done
├── DataError           the data can't be used as asked
├── NonFiniteLoss       the loss is NaN or infinite
├── PeersLost           the other processes of the job can't be reached
├── CheckpointError     a checkpoint can't be written, or is not to be resumed from
├── ExportError         the trained model can't be exported
└── ArtifactsError      what is to be looked at can't be written
"""

from __future__ import annotations

EXIT_DONE = 0
EXIT_USER_CODE = 1
EXIT_CONFIGURATION = 2
EXIT_STOPPED = 75
"""Stopped by SIGTERM after a whole step."""


class TrainerError(Exception):
    """The root; the message is a sentence that says what to do."""

    failure_class = "Data"
    exit_code = EXIT_CONFIGURATION

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason

    def account(self) -> dict[str, str]:
        """Return the part of an account that tells of it."""
        return {"class": self.failure_class, "reason": self.reason, "message": str(self)}


class ConfigurationError(TrainerError):
    """The spec says what can't be done."""


class DataError(TrainerError):
    """The data can't be used as asked."""


class NonFiniteLoss(TrainerError):
    """The loss is NaN or infinite: going on would train nothing."""

    failure_class = "UserCode"
    exit_code = EXIT_USER_CODE

    def __init__(self, step: int) -> None:
        super().__init__(
            f"the loss at step {step} is not a finite number: lower the learning rate, or look"
            " for empty targets and divisions by zero",
            reason="NonFiniteLoss",
        )


class PeersLost(TrainerError):
    """The other processes of the job can't be reached."""

    failure_class = "CommTimeout"
    exit_code = EXIT_USER_CODE

    def __init__(self, said: str) -> None:
        super().__init__(
            f"the other processes of the job can't be reached ({said:.300}): look for one that"
            " failed, or for a network policy between the pods",
            reason="PeersLost",
        )


class CheckpointError(TrainerError):
    """A checkpoint can't be written, or is not to be resumed from."""


class ExportError(TrainerError):
    """The trained model can't be exported, or the file answers otherwise than the model."""


class ArtifactsError(TrainerError):
    """The report, TensorBoard's files and traces can't be written."""
