"""How a job's image would be built, as far as it can be told without building it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from pydantic.alias_generators import to_camel as alias

from trainshed import config
from trainshed.builds import embedding, freshness, orders, pinning, pods, requests
from trainshed.cli import manifests
from trainshed.core import imaging, plan, policy
from trainshed.granting import asking
from trainshed.progress import builders
from trainshed.registry import references, surroundings

_FETCHED = ("git", "oci", "claim", "requirements", "compile")
"""Parts of a source that a pod fetches or runs."""
_ELSEWHERE = ("repository", "push_secret")
"""Parts of an image that need a user's Secret, or a registry that the operator must not call."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was found out beside the manifest: None where it could not be."""

    base_digest: str | None = None
    base_in_pod: bool = False
    """Whether the base is read in the pod alone: the order names it as the job does."""
    library: str | None = None
    """The hash of the training library."""
    files: Mapping[str, bytes] | None = field(default=None, repr=False)
    """The code that the operator reads itself; empty for none."""
    missing: Mapping[str, str] = field(default_factory=dict)
    """Why something is None, by its name."""
    operator_namespace: str = "trainshed-system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """What `render --build` shows; a None says that it is known in the cluster only."""

    job: str
    where: str
    """operator, pod, or nowhere."""
    why: str
    accelerator: str = ""
    """The class by which the base is taken, in words; empty where it makes no difference."""
    base: str = ""
    base_digest: str | None = None
    repository: str = ""
    entrypoint: tuple[str, ...] = ()
    deadline_seconds: float = 0.0
    key: str | None = None
    order: str | None = None
    """The hash by which a build in a pod is shared."""
    answered_by: tuple[str, ...] = ()
    """Tags that answer the order for good, without a pod."""
    refresh: str = ""
    inputs: Mapping[str, object] = field(default_factory=dict)
    """Of the key."""
    missing: Mapping[str, str] = field(default_factory=dict)
    build_job: Mapping[str, Any] | None = None


def of(manifest: manifests.Manifest, settings: config.Settings, found: Found) -> Build:
    """Return how a job's image would be built."""
    job = f"{manifest.namespace}/{manifest.name}"
    image = manifest.spec.image
    if image is not None and image.ref is not None:
        why = f"image.ref names {image.ref}: nothing is built"
        return Build(job=job, where="nowhere", why=why)
    rules = rules_of(settings)
    order = imaging.order(manifest.spec, rules)
    build = Build(
        job=job,
        where="pod" if order.pod else "operator",
        why=_why(manifest, order),
        base=order.base,
        base_digest=found.base_digest,
        repository=order.repository
        or surroundings.repository(settings.registry)(manifest.namespace),
        entrypoint=order.entrypoint,
        deadline_seconds=imaging.limit(manifest.spec, rules),
        inputs=_inputs(manifest, order, found),
        missing=found.missing,
    )
    if order.pod is None:
        return replace(build, key=_key(order, found))
    return _in_a_pod(build, manifest, order, order.pod, settings, found)


def rules_of(settings: config.Settings) -> policy.Policy:
    """Return the settings that an order depends on."""
    return policy.Policy(
        base_images=settings.images.bases,
        variants=settings.images.variants,
        devel_images=settings.images.devel.model_dump(),
        index=settings.builder.index.url,
        constraints=settings.builder.index.constraints,
        build_deadline=settings.build_deadline_seconds,
        reaches=surroundings.reaches(settings.registry),
    )


def _why(manifest: manifests.Manifest, order: plan.BuildOrder) -> str:
    source = manifest.spec.source
    if order.pod is None:
        return "the operator packs the files as data" if source else "a built-in model has no code"
    asked = [f"source.{each}" for each in _FETCHED if getattr(source, each, None)]
    image = manifest.spec.image
    if order.pod.dockerfile is not None:
        asked.append("image.strategy")
    asked += [f"image.{alias(each)}" for each in _ELSEWHERE if getattr(image, each, None)]
    if asked:
        return f"{' and '.join(asked)}: done in a pod of the job's namespace, never by the operator"
    return "the base's registry is none that the operator may call: a pod of the namespace reads it"


def _request(order: plan.BuildOrder, found: Found) -> requests.Request | None:
    if found.base_digest is None or found.library is None or found.files is None:
        return None
    return requests.Request(
        base_digest=found.base_digest,
        library=found.library,
        source=found.files,
        entrypoint=order.entrypoint,
        platforms=order.platforms,
        compression=order.compression,
        mounted=order.mounted,
    )


def _key(order: plan.BuildOrder, found: Found) -> str | None:
    request = _request(order, found)
    return f"b-{request.key()}" if request is not None else None


def _inputs(
    manifest: manifests.Manifest, order: plan.BuildOrder, found: Found
) -> dict[str, object]:
    """Return each input of the key; None for what only the cluster, or the pod, knows."""
    known = replace(
        found,
        base_digest=found.base_digest or "",
        library=found.library or "",
        files={} if found.files is None else found.files,
    )
    request = _request(order, known)
    assert request is not None
    inputs = request.inputs()
    source = manifest.spec.source
    given = source is None or source.inline is not None or source.config_map is not None
    if found.files is None or not given:
        inputs["source"] = None
    if order.pod is not None and order.pod.requirements is not None:
        # What they come to, the lock, is known once a pod has resolved them.
        built_in = {"wheels_in": order.pod.wheels_in} if order.pod.makes_wheels else {}
        asked = {**asdict(order.pod.requirements), **built_in}
        inputs |= {"requirements": asked, "packages": None}
    if order.pod is not None and order.pod.compile:
        # What comes out of a compiler is known once a pod has run it.
        inputs |= {"compile": order.pod.compile, "packages": None}
    return {name: value if value != "" else None for name, value in inputs.items()}


def _in_a_pod(
    build: Build,
    manifest: manifests.Manifest,
    order: plan.BuildOrder,
    pod: orders.Order,
    settings: config.Settings,
    found: Found,
) -> Build:
    if found.base_digest is not None and not found.base_in_pod:
        base = references.parse(pod.base)
        pod = replace(pod, base=pinning.pinned(f"{base.host}/{base.repository}", found.base_digest))
    if found.library is not None:
        pod = replace(pod, library=found.library)
    if found.files is not None:
        pod = replace(pod, files=embedding.pack(found.files))
    namespace = found.operator_namespace
    tokens = asking.for_pods(settings, namespace=namespace, ca_pem="")
    told = builders.address(settings.progress, namespace=namespace, ca_pem="")
    given = surroundings.of(settings, operator=told, tokens=tokens)(manifest.namespace)
    job = pods.render(
        pod,
        namespace=manifest.namespace,
        given=replace(given, deadline=build.deadline_seconds),
        secrets=pods.Secrets(order.push_secret, order.pull_secrets),
    )
    settled = found.base_in_pod or found.base_digest is not None
    settled = settled and "development image" not in found.missing
    whole = settled and None not in (found.library, found.files)
    return replace(
        build,
        order=pod.hash() if whole else None,
        answered_by=(f"o-{pod.hash()}",) if whole and pod.pinned else (),
        refresh="" if pod.pinned else str(freshness.of(pod)),
        build_job=job,
    )
