"""Finds out what a build depends on beside its manifest: the base's digest, library, code."""

from __future__ import annotations

import asyncio
import pathlib
import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import httpx

from trainshed import config
from trainshed.api import labels, reasons
from trainshed.builds import requests
from trainshed.cli import builds, clusters, failing, manifests
from trainshed.core import compiling, configmaps, imaging, plan, policy, scripts
from trainshed.registry import (
    admitted,
    bases,
    credentials,
    errors,
    hosts,
    packing,
    references,
    retries,
    surroundings,
    targets,
    transport,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """What may be asked, and what is read here."""

    library: pathlib.Path
    """The folder of the training library."""
    cluster: clusters.Cluster | None = None
    registry: str = ""
    """The URL by which the registry is reached from here; empty for that of the settings."""
    operator_namespace: str = "trainshed-system"
    offline: bool = False
    """Whether no registry is asked."""
    logins: Mapping[str, credentials.Login] = field(default_factory=dict)


async def find(manifest: manifests.Manifest, settings: config.Settings, ways: Ways) -> builds.Found:
    """Return what can be known; raises Refused for what can never be built."""
    image = manifest.spec.image
    if image is not None and image.ref is not None:
        return builds.Found()
    order = imaging.order(manifest.spec, builds.rules_of(settings))
    missing: dict[str, str] = {}
    uncompiled = compiling.refusal(manifest.spec, builds.rules_of(settings))
    if uncompiled is not None:
        raise failing.Refused(f"{uncompiled.reason}: {uncompiled.message}")
    devel = (order.pod.compile, order.pod.wheels_in) if order.pod is not None else ()
    if any(each and "@sha256:" not in each for each in devel):
        missing["development image"] = "what its tag means is looked up in the cluster"
    if order.pod is not None and order.pod.dockerfile is not None:
        _check_engine(settings, manifest.namespace, missing)
    if order.pod is not None and settings.registry.bundled.enabled:
        missing["authority"] = "the operator's own, which the build Job is given in the cluster"
    return builds.Found(
        base_digest=await _base(manifest, order, settings, ways, missing),
        base_in_pod=_in_pod(order, builds.rules_of(settings)),
        library=_library(ways.library, missing),
        files=await _files(manifest, order, ways, missing),
        missing=missing,
        operator_namespace=ways.operator_namespace,
    )


def _check_engine(config_: config.Settings, namespace: str, missing: dict[str, str]) -> None:
    if surroundings.engine(config_.builder.dockerfile) is None:
        raise failing.Refused(
            f"{reasons.BuildReason.STRATEGY_UNAVAILABLE}: the operator's settings name nothing that"
            " builds Dockerfiles: have builder.dockerfile.buildkit.image, or that of buildah, set,"
            " or use image.strategy: layer"
        )
    missing["rights"] = f"namespace {namespace} must be labelled {labels.DOCKERFILES}: true"


async def _base(
    manifest: manifests.Manifest,
    order: plan.BuildOrder,
    settings: config.Settings,
    ways: Ways,
    missing: dict[str, str],
) -> str | None:
    target = surroundings.target(settings.registry)
    target = replace(target, push=ways.registry or target.push)
    try:
        if order.pod is not None:
            admitted.check(target, manifest.namespace, order.pod)
        if _in_pod(order, builds.rules_of(settings)):
            missing["base"] = "read in the pod alone"
            return references.parse(order.base).digest or None if order.base else None
        reference = references.parse(order.base)
        target.admit(manifest.namespace, reference)
        url = target.url(reference.host)
        if reference.digest:
            return reference.digest
        if ways.offline:
            missing["base"] = "no registry is asked, with --offline"
            return None
        return await _resolved(reference, url, settings, target, ways)
    except errors.RegistryError as error:
        if error.terminal:
            raise failing.Refused(f"{error.reason}: {error}") from error
        said = str(error).partition(": it is tried again")[0]
        missing["base"] = f"{error.reason}: {said}"
    except ValueError as error:
        missing["base"] = str(error)
    return None


def _in_pod(order: plan.BuildOrder, rules: policy.Policy) -> bool:
    """Return whether the pod alone knows the base: it makes it, or may call its registry."""
    pod = order.pod
    return pod is not None and (pod.dockerfile is not None or not rules.reaches(order.base))


async def _resolved(
    reference: references.Reference,
    url: str,
    settings: config.Settings,
    target: targets.Target,
    ways: Ways,
) -> str:
    async with httpx.AsyncClient(
        transport=transport.Transport(settings.registry.ca), trust_env=False
    ) as http:
        known = hosts.Hosts(
            http,
            target=target,
            logins=lambda: ways.logins,
            patience=retries.Retries(asyncio.sleep, random.random, attempts=1),
        )
        return await bases.resolve(known.client(url), reference)


def _library(folder: pathlib.Path, missing: dict[str, str]) -> str | None:
    try:
        return requests.tree_hash(packing.read_library(folder))
    except ValueError:
        missing["library"] = f"there is no training library in {folder}: name it by --library"
        return None


async def _files(
    manifest: manifests.Manifest, order: plan.BuildOrder, ways: Ways, missing: dict[str, str]
) -> Mapping[str, bytes] | None:
    if order.config_map is None:
        return {name: text.encode() for name, text in (order.files or {}).items()}
    body = manifest.config_maps.get(order.config_map)
    if body is None and ways.cluster is not None:
        body = await ways.cluster.config_map(manifest.namespace, order.config_map)
    if body is None:
        missing["source"] = f"ConfigMap {order.config_map} is neither in the file nor in a cluster"
        return None
    try:
        found = configmaps.files(body)
    except configmaps.SourceInvalid as error:
        raise failing.Refused(str(error)) from error
    absent = scripts.missing(order.source_entrypoint, found)
    if absent is not None:
        raise failing.Refused(absent.message)
    return found
