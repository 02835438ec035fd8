"""What every handler of the endpoint reads and answers: a token, a bounded body, a refusal."""

from __future__ import annotations

import asyncio

from aiohttp import web

from trainshed.progress import payloads, refusals

Result = refusals.Result
Refused = refusals.Refused


def bearer(request: web.Request) -> str:
    """Return the token that a request shows; raises Refused."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Refused(Result.BAD_TOKEN, "send the pod's token as Authorization: Bearer TOKEN")
    return token.strip()


async def body(request: web.Request, *, seconds: float) -> bytes:
    """Return what a request sends, if it is not too much and not too slow; raises Refused."""
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise Refused(Result.BAD_PAYLOAD, "send the body without Content-Encoding")
    if (request.content_length or 0) > payloads.MAX_BYTES:
        raise _too_large()
    found = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.content.iter_any():
                found += chunk
                if len(found) > payloads.MAX_BYTES:
                    raise _too_large()
    except TimeoutError:
        message = f"the body took longer than {seconds:g} s"
        raise Refused(Result.TOO_SLOW, message) from None
    except web.RequestPayloadError:
        raise Refused(Result.BAD_PAYLOAD, "the body is cut short or malformed") from None
    return bytes(found)


def refusal(refused: Refused) -> web.Response:
    """Return the answer to a push that is not taken."""
    headers = {} if refused.retry_after is None else {"Retry-After": str(refused.retry_after)}
    return web.json_response(
        {"reason": refused.result, "message": refused.message},
        status=refusals.STATUS[refused.result],
        headers=headers,
    )


def _too_large() -> Refused:
    return Refused(Result.TOO_LARGE, f"the body may have {payloads.MAX_BYTES} bytes")
