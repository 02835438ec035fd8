"""One request to a registry, and its answer: bounded in size, every failure one of ours.

Knows nothing of what is asked for, and nothing of who asks.
"""

from __future__ import annotations

import contextlib
import json
import re
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib import parse

import httpx

from trainshed.registry import errors

MAX_BYTES = 4 << 20
"""Of a manifest, a config, a token: larger ones are nobody's."""
_REDIRECTS = 4
# A wait for a connection of our own pool is no fault of the registry: the build's time bounds it.
_QUICK = httpx.Timeout(10.0, connect=3.0, pool=None)
_PATIENT = httpx.Timeout(60.0, connect=3.0, pool=None)
"""For a body on its way: a registry may move it to a store of its own before it answers."""
_FULL = re.compile(rb'no space left on device|quota exceeded|"Err": ?(28|122)\b', re.IGNORECASE)
"""What registries say whose disk is full, or whose quota is: ENOSPC and EDQUOT by their numbers."""
Content = bytes | Callable[[], AsyncIterator[bytes]]
"""What is sent: a stream is opened anew for each try."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: httpx.Headers = field(repr=False)
    body: bytes = field(repr=False, default=b"")


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    content: Content | None = field(repr=False, default=None)
    form: Mapping[str, str] | None = field(repr=False, default=None)
    follow: bool = True
    """Whether a read may be sent on, as to where a registry stores its blobs."""


async def send(
    http: httpx.AsyncClient, request: Request, *, host: str, peek: bool = False
) -> Answer:
    """Return the answer; with `peek` no more of a good one's body than its first byte."""
    async with opened(http, request, host=host) as answer:
        limit = 1 if peek and answer.status_code == httpx.codes.OK else MAX_BYTES
        body = bytearray()
        raw = cast("AsyncGenerator[bytes, None]", answer.aiter_raw())
        async with contextlib.aclosing(raw) as pieces:
            async for piece in pieces:
                body += piece
                if len(body) > limit:
                    break
        if len(body) > MAX_BYTES:
            raise errors.Rejected(f"registry {host} answers with more than {MAX_BYTES} bytes")
        return Answer(answer.status_code, answer.headers, bytes(body))


@contextlib.asynccontextmanager
async def opened(
    http: httpx.AsyncClient, request: Request, *, host: str
) -> AsyncIterator[httpx.Response]:
    """Give the answer with its body still to be read, at the end of its redirects."""
    try:
        answer = await _followed(http, request, host)
        try:
            yield answer
        finally:
            await answer.aclose()
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        raise _failed(host, error) from error


async def _followed(http: httpx.AsyncClient, request: Request, host: str) -> httpx.Response:
    """Send it, and follow what reads are sent on to, with no credentials to another host."""
    url, headers = httpx.URL(request.url), dict(request.headers)
    # A digest is of the bytes as they are stored.
    headers["Accept-Encoding"] = "identity"
    quick = request.content is None
    content = request.content() if callable(request.content) else request.content
    for _ in range(_REDIRECTS):
        built = http.build_request(
            request.method,
            url,
            headers=headers,
            content=content,
            data=request.form,
            timeout=_QUICK if quick else _PATIENT,
        )
        answer = await http.send(built, stream=True, follow_redirects=False)
        reads = request.follow and request.method in ("GET", "HEAD")
        if not (answer.has_redirect_location and reads):
            return answer
        await answer.aclose()
        there = url.join(answer.headers["Location"])
        if there.scheme != "https" and there.scheme != url.scheme:
            raise errors.NotAllowed(f"registry {host} sends us on without TLS: not followed")
        if there.netloc != url.netloc:
            headers.pop("Authorization", None)
        url = there
    raise errors.Rejected(
        f"registry {host} sends us round in circles: mend the redirects before it"
    )


def _failed(host: str, error: Exception) -> errors.RegistryError:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return errors.CertificateUnknown(
                f"the certificate of registry {host} is not trusted ({cause.verify_message}):"
                " set registry.ca to its authority's; for one that a job names, put that into the"
                " job's Secret as ca.crt"
            )
        if isinstance(cause, ssl.SSLError):
            return errors.Unavailable(
                f"registry {host} speaks no TLS that we know ({cause.reason}): it is tried again;"
                " write http:// before its name in the settings if it has none"
            )
        cause = cause.__cause__ or cause.__context__
    what = type(error).__name__
    if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol):
        return errors.Rejected(
            f"registry {host} sends us to what is no address ({what}): see that its name in the"
            " settings is that of a registry"
        )
    return errors.Unavailable(
        f"registry {host} can't be reached ({what}): it is tried again; see that it runs, and that"
        " the network lets the operator, or the job's build pod, through",
        slow=isinstance(error, httpx.TimeoutException),
    )


def refusal(
    answer: Answer,
    *,
    host: str,
    secrets: Iterable[str],
    whose: str = "the operator",
    account: str = "its account",
) -> errors.RegistryError:
    """Return what an answer that is none of the expected ones means."""
    code = answer.status
    if code == httpx.codes.FORBIDDEN:
        return errors.Forbidden(
            f"registry {host} forbids this to {whose}: give {account} the right"
        )
    full = code >= httpx.codes.INTERNAL_SERVER_ERROR and _FULL.search(answer.body) is not None
    if full or code in (httpx.codes.REQUEST_ENTITY_TOO_LARGE, httpx.codes.INSUFFICIENT_STORAGE):
        return errors.QuotaExceeded(f"registry {host} has no room: free some or raise it")
    if code == httpx.codes.TOO_MANY_REQUESTS or code >= httpx.codes.INTERNAL_SERVER_ERROR:
        after = answer.headers.get("Retry-After", "")
        # Who has too many requests is never asked again at once.
        seconds = 1.0 if code == httpx.codes.TOO_MANY_REQUESTS else None
        if after.isdecimal():
            seconds = float(after)
        return errors.Unavailable(
            f"registry {host} answers {code}: it is tried again; if that goes on, its own log"
            " says more",
            retry_after=seconds,
        )
    return errors.Rejected(
        f"registry {host} answers {code}: {_said(answer.body, secrets)}: see that its name and"
        " repository in the settings are right, and what its own log says"
    )


def document(body: bytes, *, host: str, most: int = MAX_BYTES) -> Mapping[str, Any]:
    """Return the JSON object that a body of so many bytes holds; raises Rejected."""
    if len(body) > most:
        raise errors.Rejected(f"registry {host} has a document of more than {most} bytes")
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise errors.Rejected(
            f"registry {host} answers with what is no JSON: see that its name in the settings is"
            " that of a registry"
        ) from None
    if not isinstance(found, dict):
        raise errors.Rejected(
            f"registry {host} answers with what is no object: see that its name in the settings"
            " is that of a registry"
        )
    return found


def netloc(url: str) -> str:
    """Return the host and port of a URL, empty where it is none."""
    try:
        return parse.urlsplit(url).netloc
    except ValueError:
        return ""


def _said(body: bytes, secrets: Iterable[str]) -> str:
    """Return the registry's own words, cut: they are not ours to trust."""
    text = body.decode("utf-8", "replace")
    try:
        first = json.loads(body)["errors"][0]
        text = f"{first.get('code', '')} {first.get('message', '')}"
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        pass
    for each in secrets:
        text = text.replace(each, "***")
    return "".join(each for each in text if each.isprintable())[:200].strip()
