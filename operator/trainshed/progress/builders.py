"""How a build pod says what it has made, before the kubelet tells of its end.

What it says is the tenant's word, as the pod's termination message is, and read by the same rules.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from trainshed import config
from trainshed.core import observed
from trainshed.progress import limits, refusals, requests, tokens

PATH = "/v1/builds"
Result = refusals.Result
Refused = refusals.Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Pods:
    """Knows build pods by the tokens that they show."""

    verifier: tokens.Verifier
    """Of the cluster's tokens, for one audience."""
    find: Callable[[observed.Uid], observed.PodView | None]
    """Finds a pod of a build of ours by its uid."""
    leading: Callable[[], bool]
    """Whether this process leads: only the leader knows the pods."""

    async def of(self, request: web.Request) -> observed.PodView:
        """Return the pod that a request is from; raises Refused."""
        if not self.leading():
            raise Refused(Result.NOT_LEADER, "this replica does not lead: try again", retry_after=2)
        subject = await self.verifier.verify(requests.bearer(request))
        pod = self.find(subject.pod_uid)
        if pod is None:
            # The watch may be behind the pod that it tells of, and so may a leader that is new.
            raise Refused(
                Result.NOT_LEADER, "the token's pod is no build pod that is known", retry_after=2
            )
        if (pod.namespace, pod.name) != (subject.namespace, subject.pod_name):
            raise Refused(Result.FORBIDDEN, "the token's pod has another name")
        return pod


Hear = Callable[[observed.PodView, str], bool]
"""Takes the words of a pod; returns whether they are those of an image."""


def routes(pods: Pods, hear: Hear, *, bounds: limits.Limits | None = None) -> list[web.RouteDef]:
    """Return the route by which build pods tell of their images."""
    seconds = (bounds or limits.Limits()).body_seconds

    async def told(request: web.Request) -> web.Response:
        try:
            pod = await pods.of(request)
            words = await requests.body(request, seconds=seconds)
            if not hear(pod, words.decode("utf-8", "replace")):
                raise Refused(Result.BAD_PAYLOAD, "these are no words of an image")
            answer = web.json_response({})
        except Refused as refused:
            answer = requests.refusal(refused)
        answer.force_close()
        return answer

    return [web.post(PATH, told)]


def address(settings: config.Progress, *, namespace: str, ca_pem: str) -> Mapping[str, str]:
    """Return where build pods tell an operator in a namespace, and whose certificate it shows."""
    host = f"{settings.service}.{namespace}.svc:{settings.port}"
    return {"url": f"https://{host}{PATH}", "ca": ca_pem}
