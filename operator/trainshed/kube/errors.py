"""Every error that a call of the API server can end in, and the one place that maps them.

    ApiError
    ├── NotFound         404
    ├── Conflict         409: the resourceVersion or a precondition no longer holds
    ├── AlreadyExists    409 with reason AlreadyExists
    ├── Expired          410: the list's continue token or resourceVersion is too old
    ├── Forbidden        403: RBAC, admission, quota, or a namespace that is going
    ├── Unauthorized     401
    ├── Throttled        429, and 503 with Retry-After; `retry_after` in seconds
    ├── Invalid          400, 413, 415, 422: repeating the request can't help
    ├── Unavailable      5xx, no connection, no answer in time: the request may have been served
    └── FencedOff        not sent, because this process no longer leads

Owns the mapping from status codes, aiohttp's and the kubernetes package's exceptions. Knows
nothing of retries: who calls decides.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import aiohttp
from kubernetes.aio.client import exceptions as kubernetes_exceptions
from kubernetes.aio.config import config_exception


class ApiError(Exception):
    """The root. `message` is the API server's own sentence where there is one."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        reason: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.reason = reason
        self.retry_after = retry_after


class NotFound(ApiError):
    """The object, or the kind itself, does not exist."""


class Conflict(ApiError):
    """Somebody else wrote first; observe again."""


class AlreadyExists(ApiError):
    """An object of this name exists; whose it is, the caller must see."""


class Expired(ApiError):
    """The list must be started again."""


class Forbidden(ApiError):
    """The API server refuses; `message` says who may not do what."""


class Unauthorized(ApiError):
    """The credentials are not accepted, freshly read ones included."""


class Throttled(ApiError):
    """The API server asks to come back after `retry_after` seconds."""


class Invalid(ApiError):
    """The API server will never accept this request."""


class Unavailable(ApiError):
    """No usable answer. A write may have happened all the same."""


class FencedOff(ApiError):
    """This process does not lead (any more) and so must not write."""


_BY_STATUS: Mapping[int, type[ApiError]] = {
    400: Invalid,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    405: Invalid,
    406: Invalid,
    409: Conflict,
    410: Expired,
    413: Invalid,
    415: Invalid,
    422: Invalid,
    429: Throttled,
}


def from_response(status: int, body: bytes, headers: Mapping[str, str]) -> ApiError:
    """Map an answer of 400 and above, whose body is a `Status` unless a proxy wrote it."""
    answer = _status_object(body)
    reason = str(answer.get("reason") or "")
    message = str(answer.get("message") or body[:512].decode(errors="replace") or f"HTTP {status}")
    retry_after = _retry_after(headers)
    error = _BY_STATUS.get(status, Unavailable if status >= 500 else Invalid)
    if status == 409 and reason == "AlreadyExists":
        error = AlreadyExists
    if status == 503 and retry_after is not None:
        error = Throttled
    return error(message, status=status, reason=reason, retry_after=retry_after)


def from_exception(error: BaseException) -> ApiError | None:
    """Map what the transport or the kubernetes package raises; None for anything else."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, kubernetes_exceptions.ApiException):
        body = (error.body or "").encode()
        return from_response(error.status or 0, body, error.headers or {})
    if isinstance(error, config_exception.ConfigException):
        return Unauthorized(f"the Kubernetes credentials can't be read: {error}")
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return Unauthorized(f"the API server's certificate is not trusted: {error}")
    if isinstance(error, TimeoutError):
        return Unavailable("the API server did not answer in time")
    if isinstance(error, aiohttp.ClientError | OSError):
        return Unavailable(f"the API server can't be reached: {error or type(error).__name__}")
    return None


def _status_object(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _retry_after(headers: Mapping[str, str]) -> float | None:
    try:
        return max(0.0, float(headers["Retry-After"]))
    except (KeyError, ValueError):
        return None
