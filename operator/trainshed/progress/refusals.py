"""How a push can end, and the one exception that ends it early."""

from __future__ import annotations

import enum
from collections.abc import Mapping


class Result(enum.StrEnum):
    """The ends of a push; also the values of the counter's label `result`."""

    ACCEPTED = "accepted"
    STALE = "stale"
    """Older than what is known, or after the final account: answered 200, not kept."""
    OTHER_RANK = "other_rank"
    """Progress of a rank that does not speak for the job: answered 200, not kept."""
    BAD_PAYLOAD = "bad_payload"
    BAD_TOKEN = "bad_token"
    FORBIDDEN = "forbidden"
    TOO_SLOW = "too_slow"
    TOO_LARGE = "too_large"
    TOO_SOON = "too_soon"
    NOT_LEADER = "not_leader"
    NO_KEYS = "no_keys"


STATUS: Mapping[Result, int] = {
    Result.ACCEPTED: 200,
    Result.STALE: 200,
    Result.OTHER_RANK: 200,
    Result.BAD_PAYLOAD: 400,
    Result.BAD_TOKEN: 401,
    Result.FORBIDDEN: 403,
    Result.TOO_SLOW: 408,
    Result.TOO_LARGE: 413,
    Result.TOO_SOON: 429,
    Result.NOT_LEADER: 503,
    Result.NO_KEYS: 503,
}


class Refused(Exception):
    """A push that is not taken. The message is for the sender and says what to do."""

    def __init__(self, result: Result, message: str, *, retry_after: int | None = None) -> None:
        """`retry_after`: seconds after which the same push may be taken."""
        super().__init__(message)
        self.result = result
        self.message = message
        self.retry_after = retry_after
