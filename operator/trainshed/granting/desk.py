"""The HTTP handlers of the token service: by a build pod's token over TLS, by a node's password.

Answers as distribution's token specification says: what is asked for and not allowed is left out of
the token, and the registry refuses it. A body is never read.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from aiohttp import web

from trainshed.granting import rights, signing
from trainshed.progress import builders, refusals

PATH = "/v1/registry/token"
Result = refusals.Result
Refused = refusals.Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Seams:
    """What the service is given."""

    signer: signing.Signer
    pods: builders.Pods
    """By tokens of the cluster for the registry's own audience."""
    folder: str
    """Where the namespaces' repositories are."""


def for_pods(seams: Seams) -> list[web.RouteDef]:
    """Return the route for build pods, which goes over TLS alone: their token is worth a push."""
    return [web.get(PATH, _Desk(seams).pod)]


def for_nodes(seams: Seams) -> list[web.RouteDef]:
    """Return the route for nodes, and for people who push bases."""
    return [web.get(PATH, _Desk(seams).login)]


class _Desk:
    def __init__(self, seams: Seams) -> None:
        self._seams = seams

    async def pod(self, request: web.Request) -> web.Response:
        try:
            return self._granted(request, await self._builder(request))
        except Refused as refused:
            return _refusal(refused)

    async def login(self, request: web.Request) -> web.Response:
        account = self._seams.signer.account(_password(request))
        if account is None:
            message = "the login is not one that the operator gave, or it is past its time"
            return _refusal(Refused(Result.BAD_TOKEN, message))
        return self._granted(request, account)

    async def _builder(self, request: web.Request) -> rights.Account:
        pod = await self._seams.pods.of(request)
        return rights.Account(rights.Role.BUILDER, pod.namespace)

    def _granted(self, request: web.Request, account: rights.Account) -> web.Response:
        if request.query.get("service") != signing.SERVICE:
            return _refusal(Refused(Result.BAD_PAYLOAD, f"ask for service={signing.SERVICE}"))
        scopes = request.query.getall("scope", [])
        granted = rights.access(account, scopes, folder=self._seams.folder)
        subject = f"{account.role}:{account.namespace}"
        token = self._seams.signer.token(granted, subject=subject)
        answer = web.json_response(
            {"token": token, "access_token": token, "expires_in": signing.TOKEN_SECONDS},
            headers={"Cache-Control": "no-store"},
        )
        answer.force_close()
        return answer


def _password(request: web.Request) -> str:
    """Return the password of a basic login; empty where there is none."""
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(encoded.strip(), validate=True).decode("ascii").partition(":")[2]
    except (binascii.Error, ValueError):
        return ""


def _refusal(refused: Refused) -> web.Response:
    headers = {} if refused.retry_after is None else {"Retry-After": str(refused.retry_after)}
    if refused.result is Result.BAD_TOKEN:
        headers["WWW-Authenticate"] = 'Basic realm="trainshed"'
    answer = web.json_response(
        {"errors": [{"code": refused.result.upper(), "message": refused.message}]},
        status=refusals.STATUS[refused.result],
        headers=headers,
    )
    answer.force_close()
    return answer
