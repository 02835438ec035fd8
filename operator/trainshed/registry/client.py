"""One registry host: its authentication, its errors, and the calls that a build makes."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from typing import Any
from urllib import parse

import httpx

from trainshed.builds import manifests
from trainshed.registry import credentials, errors

ATTEMPTS = 3
MAX_WAIT = 10.0
MAX_MANIFEST_BYTES = 4 << 20
_ACCEPT = ", ".join(
    (manifests.MANIFEST, manifests.INDEX, manifests.DOCKER_MANIFEST, manifests.DOCKER_INDEX)
)
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
Sleep = Callable[[float], Awaitable[None]]
Content = bytes | AsyncIterator[bytes]


class Client:
    """Calls one host. `base` is its URL: http:// only where the settings say so."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        base: str,
        login: credentials.Login | None,
        realms: Collection[str],
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """`realms`: the hosts that may issue tokens for this one."""
        self._http = http
        self._base = base.rstrip("/")
        self._host = parse.urlsplit(self._base).netloc
        self._login = login
        self._realms = realms
        self._sleep = sleep
        self._authorization: dict[str, str] = {}

    async def find_manifest(self, repository: str, version: str) -> str | None:
        """Return the digest of a manifest by one HEAD; None where there is none."""
        try:
            answer = await self._send(
                "HEAD", f"/v2/{repository}/manifests/{version}", repository, accept=_ACCEPT
            )
        except errors.NotFound:
            return None
        digest: str | None = answer.headers.get("Docker-Content-Digest")
        return digest

    async def manifest(self, repository: str, version: str) -> tuple[bytes, Mapping[str, Any]]:
        """Return a manifest's bytes and content; raises NotFound."""
        path = f"/v2/{repository}/manifests/{version}"
        answer = await self._send("GET", path, repository, accept=_ACCEPT)
        return answer.content, _document(answer.content, self._host)

    async def blob(self, repository: str, digest: str) -> Mapping[str, Any]:
        """Return a small JSON blob, such as a config; raises NotFound."""
        answer = await self._send("GET", f"/v2/{repository}/blobs/{digest}", repository)
        return _document(answer.content, self._host)

    async def has_blob(self, repository: str, digest: str) -> bool:
        """Return whether a blob's bytes are there.

        A HEAD may be answered from a cache of blobs that are gone; reading one byte is not.
        """
        path = f"/v2/{repository}/blobs/{digest}"
        try:
            await self._send("GET", path, repository, headers={"Range": "bytes=0-0"}, peek=True)
        except (errors.NotFound, errors.Unavailable):
            return False
        return True

    async def mount(self, repository: str, digest: str, *, source: str) -> str | None:
        """Mount a blob from a repository of this host; where that is refused, return an upload."""
        query = parse.urlencode({"mount": digest, "from": source})
        path = f"/v2/{repository}/blobs/uploads/?{query}"
        answer = await self._send("POST", path, repository, pull=source)
        return None if answer.status_code == 201 else answer.headers.get("Location")

    async def upload(
        self, repository: str, digest: str, data: Content, *, location: str | None = None
    ) -> None:
        """Upload a blob, into an upload that was begun or into a new one."""
        if location is None:
            path = f"/v2/{repository}/blobs/uploads/"
            location = (await self._send("POST", path, repository)).headers.get("Location")
        if location is None:
            raise errors.Rejected(f"registry {self._host} gave no place to upload to")
        joined = parse.urljoin(f"{self._base}/", location)
        if parse.urlsplit(joined).netloc != self._host and (
            parse.urlsplit(joined).hostname not in self._realms
        ):
            raise errors.NotAllowed(f"registry {self._host} uploads to another host: not followed")
        separator = "&" if "?" in joined else "?"
        await self._send(
            "PUT",
            f"{joined}{separator}{parse.urlencode({'digest': digest})}",
            repository,
            content=data,
            headers={"Content-Type": "application/octet-stream"},
        )

    async def put_manifest(self, repository: str, tag: str, manifest: bytes) -> None:
        """Store a manifest under a tag."""
        path = f"/v2/{repository}/manifests/{tag}"
        headers = {"Content-Type": manifests.MANIFEST}
        await self._send("PUT", path, repository, content=manifest, headers=headers)

    async def stream_blob(self, repository: str, digest: str) -> AsyncIterator[bytes]:
        """Yield a blob in pieces, to copy it into another registry without holding it."""
        path = f"/v2/{repository}/blobs/{digest}"
        async with self._http.stream(
            "GET", self._base + path, headers=self._auth(repository), follow_redirects=True
        ) as answer:
            if answer.status_code >= 400:
                await answer.aread()
                raise self._error(answer)
            async for piece in answer.aiter_raw(1 << 20):
                yield piece

    async def _send(
        self,
        method: str,
        path: str,
        repository: str,
        *,
        accept: str = "*/*",
        headers: Mapping[str, str] | None = None,
        content: Content | None = None,
        pull: str = "",
        peek: bool = False,
    ) -> httpx.Response:
        """Send a request: authenticated when asked to, and a few times where that may help."""
        url = path if path.startswith("http") else self._base + path
        sent = {"Accept": accept, **(headers or {})}
        challenged = False
        attempt = 0
        while True:
            attempt += 1
            try:
                answer = await self._once(method, url, repository, sent, content, peek=peek)
                if answer.status_code == 401 and not challenged:
                    challenged = True
                    attempt -= 1
                    await self._authenticate(answer, repository, pull)
                    continue
                if answer.status_code < 400:
                    return answer
                raise self._error(answer)
            except errors.Unavailable as error:
                # A stream can't be sent twice.
                if attempt >= ATTEMPTS or not (content is None or isinstance(content, bytes)):
                    raise
                await self._sleep(min(MAX_WAIT, error.retry_after or 0.2 * 2**attempt))

    async def _once(
        self,
        method: str,
        url: str,
        repository: str,
        headers: Mapping[str, str],
        content: Content | None,
        *,
        peek: bool,
    ) -> httpx.Response:
        request = self._http.build_request(
            method, url, headers={**headers, **self._auth(repository)}, content=content
        )
        try:
            answer = await self._http.send(request, stream=True, follow_redirects=method == "GET")
            try:
                if peek and answer.status_code < 400:
                    async for _ in answer.aiter_raw(1):
                        break
                else:
                    await answer.aread()
            finally:
                await answer.aclose()
        except httpx.TransportError as error:
            raise self._unreachable(error) from error
        return answer

    def _auth(self, repository: str) -> dict[str, str]:
        value = self._authorization.get(repository) or self._authorization.get("")
        return {"Authorization": value} if value else {}

    async def _authenticate(self, answer: httpx.Response, repository: str, pull: str) -> None:
        """Answer a 401: by basic authentication or a token of the realm that it names."""
        challenge = answer.headers.get("WWW-Authenticate", "")
        scheme = challenge.partition(" ")[0].lower()
        if scheme == "basic" and self._login is not None:
            self._authorization[""] = self._login.basic()
        elif scheme == "bearer":
            fields = dict(_CHALLENGE.findall(challenge))
            token = await self._token(fields, repository, pull)
            self._authorization[repository] = f"Bearer {token}"
        else:
            raise self._unauthorized()

    async def _token(self, fields: Mapping[str, str], repository: str, pull: str) -> str:
        realm = fields.get("realm", "")
        address = parse.urlsplit(realm)
        plain = address.scheme == "http" and not self._base.startswith("http://")
        if address.netloc not in {self._host, *self._realms} or plain:
            raise errors.NotAllowed(
                f"registry {self._host} sends us to {address.netloc[:100]!r} for a token: add it"
                " to registry.allowed, if it is trusted"
            )
        scopes = [f"repository:{repository}:pull,push"]
        if pull and pull != repository:
            scopes.append(f"repository:{pull}:pull")
        query = {"service": fields.get("service", ""), "scope": scopes}
        headers = {"Authorization": self._login.basic()} if self._login else {}
        try:
            answer = await self._http.get(realm, params=query, headers=headers)
        except httpx.TransportError as error:
            raise self._unreachable(error) from error
        if answer.status_code in (401, 403):
            raise self._unauthorized()
        if answer.status_code >= 400:
            raise self._error(answer)
        document = _document(answer.content, self._host)
        token = document.get("token") or document.get("access_token")
        if not isinstance(token, str):
            raise errors.Rejected(f"the token service of registry {self._host} gave no token")
        return token

    def _error(self, answer: httpx.Response) -> Exception:
        code = answer.status_code
        if code == 404:
            return errors.NotFound()
        if code == 401:
            return self._unauthorized()
        if code == 403:
            return errors.Forbidden(
                f"registry {self._host} forbids this to the operator: give its account the right"
            )
        if code in (413, 507):
            return errors.QuotaExceeded(f"registry {self._host} has no room: free some or raise it")
        if code == 429 or code >= 500:
            after = answer.headers.get("Retry-After", "")
            seconds = float(after) if after.isdecimal() else None
            return errors.Unavailable(
                f"registry {self._host} answers {code}: it is tried again", retry_after=seconds
            )
        return errors.Rejected(f"registry {self._host} answers {code}: {_said(answer)}")

    def _unauthorized(self) -> errors.Unauthorized:
        held = "refuses the operator's credentials" if self._login else "wants credentials"
        return errors.Unauthorized(
            f"registry {self._host} {held}: set registry.credentials in the chart's values"
        )

    def _unreachable(self, error: httpx.TransportError) -> errors.RegistryError:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, ssl.SSLCertVerificationError):
                return errors.CertificateUnknown(
                    f"the certificate of registry {self._host} is not trusted: set registry.ca"
                )
            cause = cause.__cause__ or cause.__context__
        what = type(error).__name__
        return errors.Unavailable(
            f"registry {self._host} can't be reached ({what}): it is tried again"
        )


def _document(content: bytes, host: str) -> Mapping[str, Any]:
    if len(content) > MAX_MANIFEST_BYTES:
        raise errors.Rejected(f"registry {host} answers with more than a manifest may have")
    try:
        found = json.loads(content)
    except ValueError:
        raise errors.Rejected(f"registry {host} answers with what is no JSON") from None
    if not isinstance(found, dict):
        raise errors.Rejected(f"registry {host} answers with what is no object")
    return found


def _said(answer: httpx.Response) -> str:
    """Return the registry's own words, cut: they are not ours to trust."""
    try:
        first = answer.json()["errors"][0]
        text = f"{first.get('code', '')} {first.get('message', '')}"
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        text = answer.text
    return "".join(each for each in text if each.isprintable())[:200].strip()
