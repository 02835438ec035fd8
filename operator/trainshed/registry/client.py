"""One registry host: the calls that a build makes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Any
from urllib import parse

import httpx

from trainshed.builds import layers, manifests
from trainshed.registry import authentication, errors, exchange, retries

_ACCEPT = ", ".join(
    (manifests.MANIFEST, manifests.INDEX, manifests.DOCKER_MANIFEST, manifests.DOCKER_INDEX)
)
_PIECE = 1 << 20
_DIFFERS = b"DIGEST_INVALID"
_UPLOAD_LOST = b"BLOB_UPLOAD_UNKNOWN"


class Client:
    """Calls one host. `base` is its URL: http:// only where the settings say so."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        base: str,
        authority: authentication.Authority,
        patience: retries.Retries,
    ) -> None:
        """`authority`: who we are there."""
        self._http = http
        self._base = base.rstrip("/")
        self._host = exchange.netloc(self._base)
        self._authority = authority
        self.patiently = patience.run

    async def call(self, method: str, path: str, scope: authentication.Scope) -> exchange.Answer:
        """Return the answer of a call that has no body; raises NotFound."""
        return await self.patiently(lambda: self._send(method, f"{self._base}{path}", scope))

    async def find_manifest(self, repository: str, version: str) -> str | None:
        """Return the digest of a manifest by one HEAD; None where there is none."""
        try:
            answer = await self._manifest("HEAD", repository, version)
            digest = answer.headers.get("Docker-Content-Digest")
            if not manifests.is_digest(digest):
                # The header is optional; the digest is that of the bytes in any case.
                answer = await self._manifest("GET", repository, version)
                digest = layers.digest(answer.body)
        except errors.NotFound:
            return None
        return str(digest)

    async def manifest(self, repository: str, digest: str) -> Mapping[str, Any]:
        """Return the manifest of a digest; raises NotFound."""
        return self._checked(await self._manifest("GET", repository, digest), digest)

    async def named_manifest(
        self, repository: str, version: str, *, most: int = exchange.MAX_BYTES
    ) -> tuple[str, Mapping[str, Any]]:
        """Return the digest and the manifest of a tag, of so many bytes; raises NotFound."""
        body = (await self._manifest("GET", repository, version)).body
        return layers.digest(body), exchange.document(body, host=self._host, most=most)

    async def descriptor(self, repository: str, digest: str) -> Mapping[str, Any]:
        """Return how other documents name the manifest of a digest; raises NotFound."""
        answer = await self._manifest("GET", repository, digest)
        kind = self._checked(answer, digest).get("mediaType", manifests.MANIFEST)
        return {"mediaType": kind, "digest": digest, "size": len(answer.body)}

    async def retag(self, repository: str, digest: str, tag: str) -> None:
        """Give the manifest of a digest a further tag."""
        answer = await self._manifest("GET", repository, digest)
        document = self._checked(answer, digest)
        kind = str(document.get("mediaType", manifests.MANIFEST))
        await self.put_manifest(repository, tag, answer.body, media_type=kind)

    async def blob(self, repository: str, digest: str) -> Mapping[str, Any]:
        """Return a small JSON blob, such as a config; raises NotFound."""
        scope = authentication.Scope(repository)
        url = self._url(repository, f"blobs/{digest}")
        return self._checked(await self.patiently(lambda: self._send("GET", url, scope)), digest)

    async def has_blob(self, repository: str, digest: str) -> bool:
        """Return whether a blob's bytes are there.

        A HEAD may be answered from a cache of blobs that are gone; reading one byte is not.
        """
        scope = authentication.Scope(repository)
        url = self._url(repository, f"blobs/{digest}")

        async def look() -> bool:
            try:
                answer = await self._send(
                    "GET", url, scope, headers={"Range": "bytes=0-0"}, peek=True
                )
            except errors.NotFound:
                return False
            except errors.Unavailable as error:
                if error.slow or error.retry_after is not None:
                    raise
                # A blob that is gone may break its answer off; a registry that is down will say
                # so again.
                return False
            return bool(answer.body)

        return await self.patiently(look)

    async def mount(self, repository: str, digest: str, *, source: str) -> str | None:
        """Mount a blob from a repository of this host; where that is refused, return an upload."""
        query = parse.urlencode({"mount": digest, "from": source})
        url = self._url(repository, f"blobs/uploads/?{query}")
        scope = authentication.Scope(repository, write=True, source=source)
        try:
            answer = await self.patiently(lambda: self._send("POST", url, scope))
        except (errors.Unauthorized, errors.Forbidden, errors.Rejected):
            # Not every registry can; whether we may write at all, an upload will tell.
            return None
        return None if answer.status == httpx.codes.CREATED else answer.headers.get("Location")

    async def upload(
        self,
        repository: str,
        digest: str,
        data: exchange.Content,
        *,
        size: int,
        location: str | None = None,
    ) -> None:
        """Upload a blob, into an upload that was begun or into a new one."""
        begun = [location] if location else []

        async def attempt() -> None:
            # An upload that broke off holds a part already: each try has one of its own.
            place = begun.pop() if begun else await self._begin(repository)
            await self._put_blob(repository, digest, data, size=size, place=place)

        await self.patiently(attempt)

    async def put_manifest(
        self,
        repository: str,
        version: str,
        manifest: bytes,
        *,
        media_type: str = manifests.MANIFEST,
    ) -> bool:
        """Store a manifest or an index, under a tag or by its digest alone.

        Return whether the registry keeps an account of what the manifest is about.
        """
        url = self._url(repository, f"manifests/{version}")
        headers = {"Content-Type": media_type}
        scope = authentication.Scope(repository, write=True)
        answer = await self.patiently(
            lambda: self._send("PUT", url, scope, headers=headers, content=manifest)
        )
        stored = answer.headers.get("Docker-Content-Digest", layers.digest(manifest))
        if stored != layers.digest(manifest):
            raise errors.Rejected(
                f"registry {self._host} keeps another manifest than it is given, so it can't be"
                " pulled by digest: use a registry for OCI images"
            )
        return "OCI-Subject" in answer.headers

    async def stream_blob(self, repository: str, digest: str) -> AsyncGenerator[bytes, None]:
        """Yield a blob in pieces, to copy it into another registry without holding it."""
        scope = authentication.Scope(repository)
        url = self._url(repository, f"blobs/{digest}")
        for challenged in (False, True):
            request = exchange.Request("GET", url, self._authority.headers(scope))
            async with exchange.opened(self._http, request, host=self._host) as answer:
                code = answer.status_code
                if code == httpx.codes.OK:
                    async for piece in answer.aiter_raw(_PIECE):
                        yield piece
                    return
                if code != httpx.codes.UNAUTHORIZED or challenged:
                    raise self._refusal("GET", exchange.Answer(code, answer.headers), repository)
                await self._authority.answer(answer.headers, scope)

    async def _manifest(self, method: str, repository: str, version: str) -> exchange.Answer:
        scope = authentication.Scope(repository)
        url = self._url(repository, f"manifests/{version}")
        return await self.patiently(
            lambda: self._send(method, url, scope, headers={"Accept": _ACCEPT})
        )

    async def _begin(self, repository: str) -> str:
        scope = authentication.Scope(repository, write=True)
        url = self._url(repository, "blobs/uploads/")
        location = (await self._send("POST", url, scope)).headers.get("Location")
        if not location:
            raise errors.Rejected(f"registry {self._host} gave no place to upload to")
        return str(location)

    async def _put_blob(
        self, repository: str, digest: str, data: exchange.Content, *, size: int, place: str
    ) -> None:
        url = self._place(place)
        separator = "&" if "?" in url else "?"
        await self._send(
            "PUT",
            f"{url}{separator}{parse.urlencode({'digest': digest})}",
            authentication.Scope(repository, write=True),
            headers={"Content-Type": "application/octet-stream", "Content-Length": str(size)},
            content=data,
        )

    def _place(self, location: str) -> str:
        """Return the URL of an upload: on this host, by the scheme that the settings name."""
        try:
            parts = parse.urlsplit(parse.urljoin(f"{self._base}/", location))
        except ValueError:
            parts = parse.SplitResult("", "", "", "", "")
        if parts.netloc != self._host:
            raise errors.NotAllowed(
                f"registry {self._host} wants uploads at {parts.netloc[:100]!a}:"
                " set registry.push to the address that it knows itself by"
            )
        return self._base + parse.urlunsplit(("", "", parts.path, parts.query, ""))

    async def _send(
        self,
        method: str,
        url: str,
        scope: authentication.Scope,
        *,
        headers: Mapping[str, str] | None = None,
        content: exchange.Content | None = None,
        peek: bool = False,
    ) -> exchange.Answer:
        """Send a request once: authenticated if asked to, anew where a token has expired."""
        answer = await self._once(method, url, scope, headers, content, peek)
        if answer.status == httpx.codes.UNAUTHORIZED:
            await self._authority.answer(answer.headers, scope)
            answer = await self._once(method, url, scope, headers, content, peek)
        if not httpx.codes.is_success(answer.status):
            raise self._refusal(method, answer, scope.repository)
        return answer

    async def _once(
        self,
        method: str,
        url: str,
        scope: authentication.Scope,
        headers: Mapping[str, str] | None,
        content: exchange.Content | None,
        peek: bool,
    ) -> exchange.Answer:
        sent = {"Accept": "*/*", **(headers or {}), **self._authority.headers(scope)}
        request = exchange.Request(method, url, sent, content)
        return await exchange.send(self._http, request, host=self._host, peek=peek)

    def _refusal(self, method: str, answer: exchange.Answer, repository: str) -> Exception:
        if answer.status == httpx.codes.UNAUTHORIZED:
            return self._authority.refusal(answer.headers, repository)
        if answer.status == httpx.codes.NOT_FOUND:
            if method in ("GET", "HEAD", "DELETE"):
                return errors.NotFound()
            if _UPLOAD_LOST in answer.body:
                return errors.Unavailable(
                    f"registry {self._host} has lost an upload: it is tried again"
                )
            return errors.Rejected(
                f"registry {self._host} has no repository {repository}: create it there, or"
                " change registry.prefix"
            )
        if method == "PUT" and _DIFFERS in answer.body:
            # Some registries read back what another operator is just writing to the same place.
            return errors.Unavailable(
                f"registry {self._host} has stored other bytes than it was sent: it is tried again"
            )
        secrets = self._authority.secrets()
        whose = self._authority.whose
        return exchange.refusal(
            answer, host=self._host, secrets=secrets, whose=whose.name, account=whose.account
        )

    def _checked(self, answer: exchange.Answer, digest: str) -> Mapping[str, Any]:
        if layers.digest(answer.body) != digest:
            raise errors.Rejected(
                f"registry {self._host} answers with other bytes than those of {digest}"
            )
        return exchange.document(answer.body, host=self._host)

    def _url(self, repository: str, path: str) -> str:
        return f"{self._base}/v2/{repository}/{path}"
