import json

import aiohttp
import pytest
from kubernetes.aio.client import exceptions

from trainshed.kube import errors


def status(reason: str, message: str = "what happened") -> bytes:
    return json.dumps({"kind": "Status", "reason": reason, "message": message}).encode()


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        pytest.param(404, "NotFound", errors.NotFound, id="a missing object"),
        pytest.param(409, "Conflict", errors.Conflict, id="a stale version"),
        pytest.param(409, "AlreadyExists", errors.AlreadyExists, id="a taken name"),
        pytest.param(410, "Expired", errors.Expired, id="an old continue token"),
        pytest.param(401, "Unauthorized", errors.Unauthorized, id="a refused token"),
        pytest.param(403, "Forbidden", errors.Forbidden, id="a missing permission"),
        pytest.param(422, "Invalid", errors.Invalid, id="a schema violation"),
        pytest.param(400, "BadRequest", errors.Invalid, id="an unreadable body"),
        pytest.param(413, "RequestEntityTooLarge", errors.Invalid, id="a body too large"),
        pytest.param(429, "TooManyRequests", errors.Throttled, id="a full queue"),
        pytest.param(500, "InternalError", errors.Unavailable, id="an internal error"),
        pytest.param(504, "Timeout", errors.Unavailable, id="a timeout behind the API server"),
    ],
)
def test_each_status_has_one_error(code: int, reason: str, expected: type[Exception]) -> None:
    error = errors.from_response(code, status(reason), {})
    assert type(error) is expected
    assert (error.status, error.reason, str(error)) == (code, reason, "what happened")


def test_throttled_says_when_to_come_back() -> None:
    error = errors.from_response(429, b"", {"Retry-After": "7"})
    assert error.retry_after == 7.0


def test_an_overloaded_server_with_a_retry_after_is_throttling() -> None:
    assert isinstance(errors.from_response(503, b"", {"Retry-After": "1"}), errors.Throttled)


def test_an_answer_of_a_proxy_is_shown_as_it_is() -> None:
    error = errors.from_response(502, b"<html>bad gateway</html>", {"Retry-After": "soon"})
    assert isinstance(error, errors.Unavailable)
    assert "bad gateway" in str(error)
    assert error.retry_after is None


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        pytest.param(TimeoutError(), errors.Unavailable, id="no answer in time"),
        pytest.param(aiohttp.ServerDisconnectedError(), errors.Unavailable, id="a cut connection"),
        pytest.param(ConnectionRefusedError(), errors.Unavailable, id="no listener"),
        pytest.param(exceptions.ApiException(status=404), errors.NotFound, id="the package's own"),
        pytest.param(errors.FencedOff("x"), errors.FencedOff, id="already mapped"),
    ],
)
def test_each_exception_of_the_transport_is_mapped(
    raised: Exception, expected: type[Exception]
) -> None:
    assert type(errors.from_exception(raised)) is expected


def test_a_bug_is_not_mapped() -> None:
    assert errors.from_exception(KeyError("x")) is None
