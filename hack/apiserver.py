"""A small client of the API server for the cluster, the demo, the tests and the benches.

It speaks JSON and waits on watches; who it is, a kubeconfig says. It knows nothing of the operator.
"""

from __future__ import annotations

import base64
import contextlib
import json
import pathlib
import ssl
import time
from collections.abc import Callable, Generator, Mapping
from typing import Any

import httpx
import yaml

from hack import identities

Body = dict[str, Any]

TRAINING_JOBS = "/apis/trainshed.dev/v1alpha1/namespaces/{namespace}/trainingjobs"
JOBS = "/apis/batch/v1/namespaces/{namespace}/jobs"
PODS = "/api/v1/namespaces/{namespace}/pods"


class Refused(Exception):
    """The API server answered with an error; `message` is its own sentence."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message


class ApiServer:
    """One API server, by one identity."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    @classmethod
    def from_kubeconfig(cls, path: str | pathlib.Path) -> ApiServer:
        """Return the client of a kubeconfig's current context; raises identities.Unusable."""
        document = yaml.safe_load(pathlib.Path(path).read_text(encoding="utf-8"))
        context = _named(document, "context", document.get("current-context"))
        cluster = _named(document, "cluster", context.get("cluster"))
        user = _named(document, "user", context["user"]) if context.get("user") else {}
        folder = pathlib.Path(path).parent
        identity = identities.read(user, cluster=cluster, folder=folder)
        return cls(
            httpx.Client(
                base_url=cluster["server"],
                verify=_tls(cluster, identity, folder),
                auth=identity.auth,
                timeout=httpx.Timeout(30),
                trust_env=False,
            )
        )

    def request(self, method: str, path: str, body: Any = None, **query: str) -> Body:
        """Send one request and return the answer's object; raises Refused."""
        return self._sent(
            method, path, body, query, "merge-patch+json" if method == "PATCH" else "json"
        )

    def get(self, path: str, **query: str) -> Body:
        """Return an object or a list."""
        return self.request("GET", path, **query)

    def find(self, path: str) -> Body | None:
        """Return an object; None where there is none."""
        try:
            return self.get(path)
        except Refused as error:
            if error.status == 404:
                return None
            raise

    def create(self, path: str, body: Mapping[str, Any], **query: str) -> Body:
        """Create an object in a collection; unknown fields are refused, as kubectl does."""
        return self.request("POST", path, body, **{"fieldValidation": "Strict", **query})

    def delete(self, path: str, **query: str) -> None:
        """Delete an object; one that is gone is no error."""
        with contextlib.suppress(_Gone):
            try:
                self.request("DELETE", path, **query)
            except Refused as error:
                if error.status == 404:
                    raise _Gone from error
                raise

    def apply(self, path: str, body: Mapping[str, Any], *, manager: str) -> Body:
        """Make an object hold what is given, whoever else wrote it (server-side apply)."""
        query = {"fieldManager": manager, "force": "true"}
        return self._sent("PATCH", path, body, query, "apply-patch+yaml")

    def unready(self) -> str | None:
        """Return why the server does not serve yet; None where it does."""
        try:
            answer = self.http.get("/readyz")
        except httpx.TransportError as error:
            return str(error) or type(error).__name__
        if answer.status_code == httpx.codes.OK:
            return None
        failing = [line for line in answer.text.splitlines() if line.startswith("[-]")]
        return ", ".join(failing) or f"it answers {answer.status_code}"

    def wait(
        self,
        collection: str,
        name: str,
        ready: Callable[[Body], bool],
        *,
        what: str,
        seconds: float,
    ) -> Body:
        """Return an object once it is as wanted; raises TimeoutError that says what it was."""
        last: Body = {}
        with contextlib.closing(self.changes(collection, name, seconds=seconds)) as changes:
            for each in changes:
                last = each
                if ready(each):
                    return each
        shown = json.dumps(last.get("status") or last)[:2000]
        raise TimeoutError(f"waited {seconds:.0f} s for {what}; last seen: {shown}")

    def wait_gone(self, collection: str, name: str, *, what: str, seconds: float) -> None:
        """Return once an object is gone."""
        deadline = time.monotonic() + seconds
        listed = self.get(collection, fieldSelector=f"metadata.name={name}")
        if not listed["items"]:
            return
        # From this list on: an object that goes before the watch begins would never be told of.
        since = str(listed["metadata"]["resourceVersion"])
        with contextlib.closing(self._events(collection, name, deadline, since=since)) as events:
            for _, kind in events:
                if kind == "DELETED" or self.find(f"{collection}/{name}") is None:
                    return
        if self.find(f"{collection}/{name}") is not None:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}")

    def changes(self, collection: str, name: str, *, seconds: float) -> Generator[Body, None, None]:
        """Yield an object as it is and then each time that it changes, until the time is up."""
        deadline = time.monotonic() + seconds
        with contextlib.closing(self._events(collection, name, deadline)) as events:
            for body, kind in events:
                if kind != "DELETED":
                    yield body

    def watch(
        self, collection: str, *, read: float | None = None, **query: str
    ) -> Generator[tuple[Body, str], None, None]:
        """Yield objects and what happened to each, until the server ends the watch.

        `read`: how many seconds nothing may come for; None for as long as the watch lasts.
        """
        timeout, query["watch"] = httpx.Timeout(10, read=read), "1"
        with self.http.stream("GET", collection, params=query, timeout=timeout) as stream:
            if stream.status_code >= 400:
                stream.read()
                raise Refused(stream.status_code, _message(stream))
            for line in stream.iter_lines():
                event = json.loads(line)
                yield event["object"], event["type"]

    def _sent(self, method: str, path: str, body: Any, query: Mapping[str, str], kind: str) -> Body:
        answer = self.http.request(
            method,
            path,
            content=None if body is None else json.dumps(body),
            params=query,
            headers={"Content-Type": f"application/{kind}"},
        )
        if answer.status_code >= 400:
            raise Refused(answer.status_code, _message(answer))
        found: Body = answer.json()
        return found

    def _events(
        self, collection: str, name: str, deadline: float, *, since: str = ""
    ) -> Generator[tuple[Body, str], None, None]:
        query = {"fieldSelector": f"metadata.name={name}"}
        if since:
            query["resourceVersion"] = since
        while (left := deadline - time.monotonic()) > 0:
            query["timeoutSeconds"] = str(max(1, int(left)))
            try:
                with contextlib.closing(self.watch(collection, read=left + 5, **query)) as events:
                    for event in events:
                        yield event
                        if time.monotonic() > deadline:
                            return
            except httpx.TransportError:
                # The API server may be restarting; the deadline bounds the tries.
                time.sleep(0.2)


class _Gone(Exception):
    """What should be deleted does not exist."""


def _named(document: Body, kind: str, name: str | None) -> Body:
    for each in document.get(f"{kind}s") or ():
        if each["name"] == name:
            return dict(each[kind] or {})
    raise identities.Unusable(f"the kubeconfig has no {kind} {name!r}: choose another context")


def _message(answer: httpx.Response) -> str:
    try:
        return str(answer.json().get("message") or answer.text)
    except ValueError:
        return answer.text


def _tls(
    cluster: Body, identity: identities.Identity, folder: pathlib.Path
) -> ssl.SSLContext | bool:
    if not cluster["server"].startswith("https"):
        return True
    context = ssl.create_default_context()
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif "certificate-authority-data" in cluster:
        data = base64.b64decode(cluster["certificate-authority-data"]).decode()
        context = ssl.create_default_context(cadata=data)
    elif "certificate-authority" in cluster:
        path = folder / cluster["certificate-authority"]
        context = ssl.create_default_context(cafile=str(path))
    identity.present(context)
    return context
