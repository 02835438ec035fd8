"""The HTTP handlers of the endpoint: who may push, what is taken, what is answered.

The token is verified before the body is read, so that nobody outside can make us hold data.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from aiohttp import web

from trainshed.api import labels
from trainshed.core import observed, reports
from trainshed.progress import kubeflow, limits, ordering, payloads, refusals, requests, tokens

Result = refusals.Result
Refused = refusals.Refused
Reader = Callable[[bytes, observed.PodView, reports.Progress | None, float], reports.Progress]

PATH = f"/v1/namespaces/{{namespace}}/{labels.PLURAL}/{{name}}/progress"
KUBEFLOW_PATH = "/apis/trainer.kubeflow.org/v1alpha1/namespaces/{namespace}/trainjobs/{name}/status"


class Sink(Protocol):
    """Keeps the last progress of each job. Neither call may block or wait."""

    def last(self, key: observed.JobKey, fold: int | None) -> reports.Progress | None:
        """Return the last progress that was kept of a job, or of this fold of it."""

    def accept(self, key: observed.JobKey, progress: reports.Progress) -> None:
        """Keep a progress: it is newer than the last, of the pod of rank 0 or of that fold."""

    def fail(self, key: observed.JobKey, failure: reports.Failure) -> None:
        """Keep a failure of any rank, if it is the job's first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seams:
    """What the endpoint is given."""

    verifier: tokens.Verifier
    pod: Callable[[observed.Uid], observed.PodView | None]
    """Finds a pod of ours by its uid."""
    sink: Sink
    leading: Callable[[], bool]
    """Whether this process leads: only the leader's cache becomes status."""
    count: Callable[[str], None]
    """Counts the end of a push; the argument is a Result."""
    clock: Callable[[], float]
    """Unix time."""
    limits: limits.Limits = field(default_factory=limits.Limits)


def application(seams: Seams) -> web.Application:
    """Return the application that serves both payloads."""
    endpoint = _Endpoint(seams)
    app = web.Application()
    app.router.add_post(PATH, endpoint.own)
    app.router.add_post(KUBEFLOW_PATH, endpoint.kubeflow)
    return app


class _Endpoint:
    def __init__(self, seams: Seams) -> None:
        self._seams = seams

    async def own(self, request: web.Request) -> web.Response:
        return await self._answer(request, payloads.read, sequenced=True)

    async def kubeflow(self, request: web.Request) -> web.Response:
        return await self._answer(request, kubeflow.read, sequenced=False)

    async def _answer(
        self, request: web.Request, reader: Reader, *, sequenced: bool
    ) -> web.Response:
        try:
            result = await self._push(request, reader, sequenced=sequenced)
            response = web.json_response({}, status=refusals.STATUS[result])
        except Refused as refused:
            result, response = refused.result, requests.refusal(refused)
        self._seams.count(result)
        # A TLS connection holds a quarter of a MiB here; its client comes back in five seconds.
        response.force_close()
        return response

    async def _push(self, request: web.Request, reader: Reader, *, sequenced: bool) -> Result:
        seams = self._seams
        if not seams.leading():
            raise Refused(Result.NOT_LEADER, "this replica does not lead: try again", retry_after=5)
        key = observed.JobKey(request.match_info["namespace"], request.match_info["name"])
        subject = await seams.verifier.verify(requests.bearer(request))
        pod = _authorised(subject, seams.pod(subject.pod_uid), key)
        body = await requests.body(request, seconds=seams.limits.body_seconds)
        if pod.index != 0 and pod.fold is None:
            return self._of_another_rank(key, pod, reader(body, pod, None, seams.clock()))
        last = seams.sink.last(key, pod.fold)
        progress = reader(body, pod, last, seams.clock())
        result = ordering.judge(progress, last, sequenced=sequenced)
        if result is Result.ACCEPTED:
            seams.sink.accept(key, progress)
        return result

    def _of_another_rank(
        self, key: observed.JobKey, pod: observed.PodView, told: reports.Progress
    ) -> Result:
        """Take a failure alone: rank 0 speaks for the job as long as all goes well."""
        if told.account is None or told.account.outcome != "failed":
            return Result.OTHER_RANK
        self._seams.sink.fail(key, reports.Failure(pod.uid, told.account))
        return Result.ACCEPTED


def _authorised(
    subject: tokens.Subject, pod: observed.PodView | None, key: observed.JobKey
) -> observed.PodView:
    """Return the pod when the token's is a pod of the job in the URL."""
    if subject.namespace != key.namespace:
        raise Refused(Result.FORBIDDEN, "the token is of another namespace")
    if pod is None:
        # The watch may be behind the pod that it tells of.
        raise Refused(
            Result.FORBIDDEN, "the token's pod is not known yet: try again", retry_after=2
        )
    if (pod.namespace, pod.name) != (subject.namespace, subject.pod_name):
        raise Refused(Result.FORBIDDEN, "the token's pod has another name")
    if (pod.namespace, pod.training_job) != key:
        raise Refused(Result.FORBIDDEN, "the token's pod is not a pod of this job")
    return pod
