"""One pass over one job: observe, decide, and carry out the plan.

The order of the writes is fixed: build, create, delete, status, events. A pass that created the
Job leaves its status to the next one, which the created Job's own watch event brings: a burst of
new jobs is thereby on its way before anything is reported of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from trainshed.api import reasons
from trainshed.core import decide, observe, observed, patching, plan, policy
from trainshed.kube import errors
from trainshed.runtime import building, inquiries, loop, seams
from trainshed.runtime import cache as caches

_NOT_EVERYWHERE = {
    "resource.k8s.io/v1": "Kubernetes 1.34 with dynamic resource allocation, or a class of"
    " accelerators that has a device plugin",
    "scheduling.x-k8s.io/v1alpha1": "the coscheduling plugin and its definitions, or to have"
    " placement.gang.by set to none",
    "scheduling.k8s.io/v1alpha2": "an API that was served when the operator started, and is no"
    " longer: restart the operator",
}
"""API versions that not every cluster serves, and what to do there."""


class Reconciler:
    """Carries out plans. The work queue calls `reconcile`, never twice at once for one key."""

    def __init__(
        self,
        *,
        cache: caches.Cache,
        api: seams.Writer,
        builds: building.Builds,
        recorder: seams.Recorder,
        settings: policy.Policy,
        clock: Callable[[], float],
        again: Callable[[observed.JobKey], None],
    ) -> None:
        """Take the parts that a pass needs; `again` asks for a pass behind all new jobs."""
        self._cache = cache
        self._api = api
        self._builds = builds
        self._recorder = recorder
        self._settings = settings
        self._clock = clock
        self._again = again
        self._inquiries = inquiries.Inquiries(cache=cache, api=api, clock=clock)

    async def reconcile(self, key: observed.JobKey) -> loop.Result:
        """Bring one job a step further; safe to call at any moment, any number of times."""
        seen, wanted = await self._decided(key)
        self._cache.places.waits(key, wanted.waits_for_nodes)
        if seen is None:
            return loop.Result()
        if wanted.creates:
            return await self._create(seen, wanted)
        for target in wanted.deletes:
            await self._api.delete_job(key.namespace, target)
        if wanted.inquiry is not None and await self._inquiries.ask(seen.job, wanted.inquiry):
            self._again(key)
        await self._write_status(seen, wanted)
        return loop.Result(requeue_after=wanted.requeue_after)

    async def _decided(self, key: observed.JobKey) -> tuple[observed.Observation | None, plan.Plan]:
        seen = self._cache.observe(key)
        if seen is None:
            return None, plan.Plan()
        wanted = decide.decide(seen, now=self._clock(), settings=self._settings)
        if wanted.build is not None and await self._builds.run(seen.job, wanted.build):
            seen = self._cache.observe(key)
            if seen is None:
                return None, plan.Plan()
            wanted = decide.decide(seen, now=self._clock(), settings=self._settings)
        return seen, wanted

    async def _create(self, seen: observed.Observation, wanted: plan.Plan) -> loop.Result:
        uid = seen.job.uid
        for manifest in wanted.creates:
            try:
                created = await self._created(seen, manifest)
            except (errors.Invalid, errors.Forbidden, errors.NotFound) as error:
                known = manifest["apiVersion"] in _NOT_EVERYWHERE
                if isinstance(error, errors.NotFound) and not known:
                    raise
                self._cache.put_rejection(uid, self._rejection(seen, manifest, error))
                created = False
            if not created:
                break
        else:
            self._cache.put_rejection(uid, None)
            self._cache.put_holder(uid, None)
        self._again(seen.job.key)
        return loop.Result()

    async def _created(self, seen: observed.Observation, manifest: plan.Manifest) -> bool:
        """Create a child; return whether it is there and ours."""
        beside = manifest["kind"] != "Job"
        try:
            if beside:
                await self._api.create_beside(manifest)
            else:
                body = await self._api.create_job(manifest)
                self._cache.put_workload(observe.job(body), answer=True)
        except errors.AlreadyExists:
            return await (self._beside_is_ours if beside else self._adopt)(seen, manifest)
        return True

    async def _adopt(self, seen: observed.Observation, manifest: plan.Manifest) -> bool:
        """Find out whose the existing Job is: ours from before a restart, or another's."""
        name = manifest["metadata"]["name"]
        try:
            body = await self._api.read_job(seen.job.key.namespace, name)
        except errors.NotFound:
            return False
        found = observe.job(body)
        ours = found.owner_uid == seen.job.uid
        labelled = found.training_job == seen.job.key.name
        if ours and labelled and not found.deleting:
            self._cache.put_workload(found)
            return True
        # Ours, but relabelled by somebody: the watch no longer tells of it, a person must.
        going = found.deleting or (labelled and not ours)
        self._hold(seen, observed.NameHolder(name=name, predecessor=going))
        return False

    async def _beside_is_ours(self, seen: observed.Observation, manifest: plan.Manifest) -> bool:
        """Find out whose the existing Service or claim template is."""
        kind, name = manifest["kind"], manifest["metadata"]["name"]
        try:
            body = await self._api.read_beside(manifest)
        except errors.NotFound:
            return False
        found = observe.child(body)
        if found.owner_uid == seen.job.uid and not found.deleting:
            return True
        going = found.deleting or found.training_job == seen.job.key.name
        self._hold(seen, observed.NameHolder(name=name, predecessor=going, kind=kind))
        return False

    def _hold(self, seen: observed.Observation, holder: observed.NameHolder) -> None:
        """Note who holds a child's name, and when it is tried again."""
        self._cache.put_holder(seen.job.uid, holder)
        now = self._clock()
        retry_at = now + building.retry_delay(now - seen.job.first_seen)
        held = observed.Refusal(
            reasons.Reason.NAME_TAKEN, holder.name, terminal=False, retry_at=retry_at
        )
        self._cache.put_rejection(seen.job.uid, held)

    def _rejection(
        self, seen: observed.Observation, manifest: plan.Manifest, error: errors.ApiError
    ) -> observed.Refusal:
        now = self._clock()
        advice = "free quota or ask who runs the cluster"
        if isinstance(error, errors.Invalid):
            advice = "create the job anew without it"
        if isinstance(error, errors.NotFound):
            advice = f"it needs {_NOT_EVERYWHERE[manifest['apiVersion']]}"
        return observed.Refusal(
            reason=reasons.Reason.WORKLOAD_REJECTED,
            message=f"the API server refuses the {manifest['kind']}: {error}; {advice}",
            terminal=isinstance(error, errors.Invalid),
            retry_at=now + building.retry_delay(now - seen.job.first_seen),
        )

    async def _write_status(self, seen: observed.Observation, wanted: plan.Plan) -> None:
        if wanted.status is None:
            self._notify(seen.job, wanted)
            return
        patch = patching.merge_patch(json.loads(seen.job.status), wanted.status)
        try:
            body = await self._api.patch_status(
                seen.job.key, patch, resource_version=seen.job.resource_version
            )
        except errors.NotFound:
            self._cache.drop_job(seen.job.key, seen.job.uid)
            return
        except (errors.Invalid, errors.Forbidden) as error:
            self._recorder.record(seen.job, _status_refused(error))
            raise
        view = observe.training_job(body, now=self._clock())
        self._cache.put_job(view, answer=True)
        self._notify(view, wanted)

    def _notify(self, job: observed.TrainingJobView, wanted: plan.Plan) -> None:
        for notice in wanted.notices:
            self._recorder.record(job, notice)


def _status_refused(error: errors.ApiError) -> plan.Notice:
    return plan.Notice(
        warning=True,
        reason=reasons.Reason.STATUS_REFUSED,
        message=f"the API server refuses this job's status, which is tried again: {error}; "
        "install the chart of the operator's own version, its CRD and roles among it",
    )
