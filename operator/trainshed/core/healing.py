"""An image of ours that the kubelet can't pull is built once more, with nothing taken for granted.

A registry may lose what it has acknowledged: by its garbage collection, its retention, a disk. The
same inputs give the same digest, so the pod that waits for it then starts by itself.

That it was done is told by the reason of `ImageReady`: a restart of the operator goes on with a
rebuild that it finds begun, and begins none that has ended.
"""

from __future__ import annotations

import dataclasses
import re

from trainshed.api import reasons, spec, status
from trainshed.builds import orders, pinning
from trainshed.core import draft as drafts
from trainshed.core import failures, gangs, imaging, observed, plan, policy

Type = reasons.ConditionType
Reason = reasons.Reason

_PULL = frozenset({"ErrImagePull", "ImagePullBackOff"})
_LOST = re.compile(
    r"not found|manifest unknown|blob unknown|unexpected EOF|short read"
    r"|unexpected commit digest|failed size validation",
    re.IGNORECASE,
)
"""What runtimes say of a manifest or a blob that is gone, or is no longer what it was."""
_NO_RIGHTS = re.compile(
    r"\b40[13]\b|unauthorized|denied|forbidden|authoriz|no basic auth", re.IGNORECASE
)
"""They say `does not exist or may require authorization` too: a build mends no rights."""
_SHOWN = 600


def settle(
    draft: drafts.Draft,
    found: spec.TrainingJobSpec,
    seen: observed.Observation,
    gang: gangs.Gang,
    settings: policy.Policy,
) -> plan.BuildOrder | failures.Failed | None:
    """Bring the image's condition up to date; return a rebuild to begin, or the end of the job."""
    known, image = draft.before.condition(Type.IMAGE_READY), draft.before.image
    if known is None or image is None or image.key is None or known.reason == Reason.IMAGE_REBUILT:
        return None
    rebuild = seen.build if seen.build is not None and seen.build.forced else None
    if rebuild is not None and rebuild.image is not None:
        return _rebuilt(draft, _ours(image), rebuild.image)
    if rebuild is not None and rebuild.refusal is not None:
        return _refused(draft, found, seen, rebuild.refusal, settings)
    why, begun = _lost(gang, image), _since(draft) is not None
    if begun and rebuild is None and gang.pods and all(map(_started, gang.pods)):
        # A restart lost the rebuild, but not what it gave.
        message = f"was built again, and the nodes have pulled it: {_ours(image)}"
        draft.condition(Type.IMAGE_READY, True, Reason.IMAGE_REBUILT, message)
        return None
    if not begun and why is None:
        return None
    if not begun:
        message = f"a node can't pull {_ours(image)}: it is built again, once; {why}"
        draft.condition(Type.IMAGE_READY, False, Reason.IMAGE_REBUILDING, message)
    return _order(draft, found, settings) if rebuild is None else None


def lacks_rights(pod: observed.PodView) -> bool:
    """Return whether its node may not pull its image, by the kubelet's words."""
    told = pod.container
    return told.waiting_reason in _PULL and bool(_NO_RIGHTS.search(told.waiting_message))


def next_look(
    draft: drafts.Draft,
    found: spec.TrainingJobSpec,
    seen: observed.Observation,
    settings: policy.Policy,
) -> float | None:
    """Return when a refused rebuild is tried again or given up; None while there is none."""
    rebuild = seen.build if seen.build is not None and seen.build.forced else None
    if rebuild is None or rebuild.refusal is None or rebuild.refusal.retry_at <= draft.now:
        return None
    return min(rebuild.refusal.retry_at, _deadline(draft, found, settings))


def _started(pod: observed.PodView) -> bool:
    return pod.container.started is not None


def _ours(image: status.ImageStatus) -> str:
    """Return what was built: the image that runs, or the one that is mounted into it."""
    return image.volume or image.ref


def _lost(gang: gangs.Gang, image: status.ImageStatus) -> str | None:
    """Return the kubelet's words for an image that its registry has lost; None: it is not that."""
    for each in gang.pods:
        said = each.container.waiting_message
        if image.volume is not None and image.volume.partition("@")[2] not in said:
            # Of the base, which is nothing that was built here.
            continue
        if each.container.waiting_reason in _PULL and _LOST.search(said):
            # A namespace may be called as a refusal is.
            bare = said.replace(_ours(image).partition("@")[0], "")
            return None if _NO_RIGHTS.search(bare) else said[:_SHOWN]
    return None


def _order(
    draft: drafts.Draft, found: spec.TrainingJobSpec, settings: policy.Policy
) -> plan.BuildOrder:
    """Return the build that gives the same image anew, by what its tags meant then."""
    wanted, image = imaging.order(found, settings), draft.before.image
    assert image is not None
    base = _by_digest(wanted.base, image.base_digest)
    pod = wanted.pod
    if pod is not None:
        git = _at(pod.git, image.source_revision) if pod.git is not None else None
        oci = _pulled(pod.oci, image.source_revision) if pod.oci is not None else None
        pod = dataclasses.replace(pod, base=base, git=git, oci=oci, force=True)
    return dataclasses.replace(
        wanted,
        base=base,
        pod=pod,
        forced=_since(draft) or draft.now,
        seconds=max(1.0, _deadline(draft, found, settings) - draft.now),
    )


def _by_digest(base: str, digest: str | None) -> str:
    """Return a base by the digest that was built on, whatever its tag means by now."""
    # That of a Dockerfile is empty: the file itself names it.
    return base if not base or digest is None or "@" in base else pinning.pinned(base, digest)


def _at(git: orders.Git, revision: str | None) -> orders.Git:
    return dataclasses.replace(git, ref=revision) if revision else git


def _pulled(oci: orders.Oci, revision: str | None) -> orders.Oci:
    return dataclasses.replace(oci, ref=_by_digest(oci.ref, revision))


def _rebuilt(draft: drafts.Draft, wanted: str, made: observed.BuiltImage) -> failures.Failed | None:
    if made.ref == wanted:
        message = f"built again in {made.seconds:.2f} s, {made.uploaded_bytes} bytes sent: {wanted}"
        draft.condition(Type.IMAGE_READY, True, Reason.IMAGE_REBUILT, message)
        return None
    message = (
        f"{wanted} is gone from its registry, and building it again gave {made.ref}: what goes in"
        " has changed; create the job anew, it will run that"
    )
    return _given_up(draft, message)


def _refused(
    draft: drafts.Draft,
    found: spec.TrainingJobSpec,
    seen: observed.Observation,
    refusal: observed.Refusal,
    settings: policy.Policy,
) -> plan.BuildOrder | failures.Failed | None:
    # The condition's reason stays: it is what tells a later process that this was begun.
    message = f"the image is built again, since a node can't pull it; {refusal.reason}: "
    draft.condition(Type.IMAGE_READY, False, Reason.IMAGE_REBUILDING, message + refusal.message)
    if refusal.terminal:
        image = _ours(draft.before.image) if draft.before.image else "the image"
        said = f"{image} is gone from its registry, and can't be built again: {refusal.message}"
        return _given_up(draft, said, refusal.log_tail)
    if draft.now >= _deadline(draft, found, settings):
        return imaging.overdue(found, settings, refusal)
    return _order(draft, found, settings) if draft.now >= refusal.retry_at else None


def _given_up(draft: drafts.Draft, message: str, log_tail: str = "") -> failures.Failed:
    draft.condition(Type.IMAGE_READY, False, Reason.IMAGE_LOST, message)
    return failures.Failed(
        reason=Reason.IMAGE_LOST,
        message=message,
        failure_class=reasons.FailureClass.IMAGE_PULL,
        log_tail=log_tail or None,
        advises=True,
    )


def _since(draft: drafts.Draft) -> float | None:
    """Return when the rebuild was begun, as it is stored; None where none goes on."""
    known = draft.before.condition(Type.IMAGE_READY)
    going = known is not None and known.reason == Reason.IMAGE_REBUILDING
    return draft.since(Type.IMAGE_READY) if going else None


def _deadline(draft: drafts.Draft, found: spec.TrainingJobSpec, settings: policy.Policy) -> float:
    return (_since(draft) or draft.now) + imaging.limit(found, settings)
