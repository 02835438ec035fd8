"""The image: given, found, built, or why it can't be."""

from __future__ import annotations

import dataclasses

from trainshed.api import base as base_api
from trainshed.api import dockerfile as dockerfile_api
from trainshed.api import image as image_api
from trainshed.api import reasons, spec, status
from trainshed.api import source as source_api
from trainshed.builds import dockerfiles, orders, pinning
from trainshed.core import compiling, failures, observed, packaging, plan, policy
from trainshed.core import draft as drafts
from trainshed.frameworks import registry as frameworks
from trainshed.workloads import commands, nodes
from trainshed.workloads import pod as workload_pod

Type = reasons.ConditionType
Reason = reasons.Reason


def settle(
    draft: drafts.Draft,
    found: spec.TrainingJobSpec,
    seen: observed.Observation,
    settings: policy.Policy,
) -> plan.BuildOrder | failures.Failed | None:
    """Bring the image's condition up to date; return a build to begin, or the end of the job."""
    if draft.before.image is not None:
        return None
    if found.image is not None and found.image.ref is not None:
        draft.fields["image"] = status.ImageStatus(ref=found.image.ref)
        draft.condition(Type.IMAGE_READY, True, Reason.IMAGE_GIVEN, f"runs {found.image.ref}")
        return None
    if seen.build is not None and seen.build.image is not None:
        _built(draft, seen.build.image, _runs(found, settings, seen.build.image))
        return None
    if seen.workload is not None and seen.workload.image:
        # A restart lost the build, but what runs is what the Job says, whatever the registry has.
        running = seen.workload.image
        draft.fields["image"] = status.ImageStatus(ref=running, volume=seen.workload.volume or None)
        draft.condition(Type.IMAGE_READY, True, Reason.IMAGE_FOUND, f"runs {running}")
        return None
    uncompiled = compiling.refusal(found, settings)
    if uncompiled is not None:
        return _refused(draft, found, seen, uncompiled, settings)
    if seen.build is None:
        draft.condition(Type.IMAGE_READY, False, Reason.BUILDING, "the image is being built")
        return _ordered(draft, found, seen, settings)
    if seen.build.refusal is not None:
        return _refused(draft, found, seen, seen.build.refusal, settings)
    known = draft.conditions.get(Type.IMAGE_READY)
    if known is None or known.reason == Reason.BUILD_POD_WAITING:
        draft.condition(Type.IMAGE_READY, False, Reason.BUILDING, "the image is being built")
    return None


def _runs(found: spec.TrainingJobSpec, settings: policy.Policy, built: observed.BuiltImage) -> str:
    """Return what the container runs: the image that was built, or its base as it is."""
    if found.image is None or not found.image.mounted:
        return built.ref
    return pinning.pinned(_base(found, settings), built.base_digest)


def of_base(
    seen: observed.Observation, found: spec.TrainingJobSpec, settings: policy.Policy
) -> observed.Observation:
    """Return the observation without a build that was begun on another base."""
    if seen.build is None or not seen.build.base or seen.build.base == _base(found, settings):
        return seen
    return dataclasses.replace(seen, build=None)


def _base(found: spec.TrainingJobSpec, settings: policy.Policy) -> str:
    if of_dockerfile(found.image):
        return ""  # it names its own
    asked = found.image.base if found.image is not None else None
    return asked or settings.base_images[found.framework]


def order(found: spec.TrainingJobSpec, settings: policy.Policy) -> plan.BuildOrder:
    """Return the build of a job's image."""
    image, source = found.image or image_api.Image(), found.source
    base = _base(found, settings)
    entrypoint = tuple(commands.launched(found, frameworks.FRAMEWORKS[found.framework].entry_point))
    return plan.BuildOrder(
        base=base,
        entrypoint=entrypoint,
        source_entrypoint=tuple(source.entrypoint) if source else (),
        files=source.inline.files if source and source.inline else None,
        config_map=source.config_map.name if source and source.config_map else None,
        compression=_compression(image),
        platforms=image_api.platforms(image),
        mounted=image.mounted,
        nodes=nodes.selector(found) if image.mounted else "",
        pod=_pod_order(found, base, entrypoint, settings)
        if needs_pod(found, base, settings)
        else None,
        repository=image.repository or "",
        placement=workload_pod.placement(found),
        push_secret=image.push_secret.name if image.push_secret else "",
        pull_secrets=tuple(each.name for each in image.pull_secrets or ()),
    )


def needs_pod(found: spec.TrainingJobSpec, base: str, settings: policy.Policy) -> bool:
    """Return whether an image can't be made by the operator.

    What it must fetch or run first, what it would need a user's Secret for, and what is in a
    registry that it must not call.
    """
    source, image = found.source, found.image or image_api.Image()
    if of_dockerfile(image):
        return True
    packages = source is not None and source.requirements is not None
    fetched = source is not None and (source.git or source.oci or source.claim) is not None
    elsewhere = image.repository is not None or image.push_secret is not None
    # A base that runs as it is, and is named by its digest, is the nodes' alone to read.
    unread = image.mounted and "@sha256:" in base
    packages = packages or compiling.asked(found)
    return packages or fetched or elsewhere or not (unread or settings.reaches(base))


def of_dockerfile(image: image_api.Image | None) -> bool:
    """Return whether an image is what a Dockerfile makes, with the code on top."""
    return image is not None and image.strategy is dockerfile_api.Strategy.DOCKERFILE


def _pod_order(
    found: spec.TrainingJobSpec,
    base: str,
    entrypoint: tuple[str, ...],
    settings: policy.Policy,
) -> orders.Order:
    """Return the order of a build pod; the runtime adds the files that the operator reads."""
    source, image = found.source, found.image or image_api.Image()
    limit = source.max_bytes if source else None
    return orders.Order(
        base=base,
        repository=image.repository or "",
        git=_repository(source.git) if source and source.git else None,
        oci=_artifact(source.oci) if source and source.oci else None,
        claim=_folder(source.claim) if source and source.claim else None,
        ignore=tuple(source.ignore or ()) if source else (),
        max_bytes=base_api.amount(limit or source_api.DEFAULT_BYTES),
        entrypoint=entrypoint,
        source_entrypoint=tuple(source.entrypoint) if source else (),
        compression=_compression(image),
        platforms=image_api.platforms(image),
        mounted=image.mounted,
        refresh=str(image.refresh or ""),
        dockerfile=_dockerfile(image) if of_dockerfile(image) else None,
        compile=compiling.image(found, settings),
        wheels_in=packaging.devel(found, settings),
        requirements=packaging.wanted(source.requirements, settings) if source else None,
    )


def _compression(image: image_api.Image) -> str:
    return str(image.compression or image_api.Compression.ZSTD)


def _artifact(oci: source_api.OciSource) -> orders.Oci:
    return orders.Oci(ref=oci.ref, secret=oci.pull_secret.name if oci.pull_secret else "")


def _folder(claim: source_api.ClaimSource) -> orders.Claim:
    return orders.Claim(name=claim.claim_name, path=claim.path)


def _dockerfile(image: image_api.Image) -> dockerfiles.Dockerfile:
    asked = image.dockerfile or dockerfile_api.Dockerfile()
    args = tuple(sorted((asked.args or {}).items()))
    return dockerfiles.Dockerfile(asked.path, asked.target, args)


def _repository(git: source_api.GitSource) -> orders.Git:
    return orders.Git(
        url=git.url,
        ref=git.ref,
        path=git.path,
        submodules=git.submodules,
        secret=git.secret_ref.name if git.secret_ref else "",
    )


def _built(draft: drafts.Draft, image: observed.BuiltImage, runs: str) -> None:
    draft.fields["image"] = status.ImageStatus(
        ref=runs,
        volume=image.ref if image.ref != runs else None,
        key=image.key,
        base_digest=image.base_digest,
        cache_hit=image.cache_hit,
        seconds=round(image.seconds, 3),
        uploaded_bytes=image.uploaded_bytes,
        source_revision=image.source_revision or None,
        lock_hash=image.lock_hash or None,
    )
    reason = Reason.IMAGE_FOUND if image.cache_hit else Reason.IMAGE_BUILT
    verb = "found" if image.cache_hit else "built"
    message = f"{verb} in {image.seconds:.2f} s, {image.uploaded_bytes} bytes sent: {image.ref}"
    draft.condition(Type.IMAGE_READY, True, reason, message)


def _refused(
    draft: drafts.Draft,
    found: spec.TrainingJobSpec,
    seen: observed.Observation,
    refusal: observed.Refusal,
    settings: policy.Policy,
) -> plan.BuildOrder | failures.Failed | None:
    draft.condition(Type.IMAGE_READY, False, refusal.reason, refusal.message)
    if refusal.terminal:
        return failures.of_refusal(refusal, otherwise=reasons.FailureClass.BUILD)
    if draft.now >= deadline(draft, found, seen, settings):
        return overdue(found, settings, refusal)
    return _ordered(draft, found, seen, settings) if draft.now >= refusal.retry_at else None


def _ordered(
    draft: drafts.Draft,
    found: spec.TrainingJobSpec,
    seen: observed.Observation,
    settings: policy.Policy,
) -> plan.BuildOrder:
    left = deadline(draft, found, seen, settings) - draft.now
    return dataclasses.replace(order(found, settings), seconds=max(1.0, left))


def overdue(
    found: spec.TrainingJobSpec, settings: policy.Policy, refusal: observed.Refusal
) -> failures.Failed:
    """Return the end of a job that has had no image for too long."""
    return failures.Failed(
        reason=Reason.BUILD_DEADLINE_EXCEEDED,
        message=f"no image within {limit(found, settings):.0f} s; last: {refusal.message}",
        failure_class=reasons.FailureClass.BUILD,
        log_tail=refusal.log_tail or None,
        advises=True,
    )


def next_look(
    draft: drafts.Draft,
    found: spec.TrainingJobSpec,
    seen: observed.Observation,
    settings: policy.Policy,
) -> float | None:
    """Return when a refused build is tried again or given up; None while one runs."""
    refusal = seen.build.refusal if seen.build is not None else None
    if refusal is None or refusal.retry_at <= draft.now:
        return None
    ends = deadline(draft, found, seen, settings)
    # Past it nobody may have looked: of a job whose class is gone no image is asked for.
    return min(refusal.retry_at, ends) if ends > draft.now else refusal.retry_at


def deadline(
    draft: drafts.Draft,
    found: spec.TrainingJobSpec,
    seen: observed.Observation,
    settings: policy.Policy,
) -> float:
    """Return when a job without an image ends; a restart of the operator does not move it."""
    since = draft.since(Type.IMAGE_READY)
    if draft.stored_true(Type.IMAGE_READY):
        since = draft.now  # It was built ahead, and is asked for again.
    return (seen.job.first_seen if since is None else since) + limit(found, settings)


def limit(found: spec.TrainingJobSpec, settings: policy.Policy) -> float:
    """Return the seconds within which a job must have its image."""
    own = found.image.deadline_seconds if found.image is not None else None
    return settings.build_deadline if own is None else float(own)
