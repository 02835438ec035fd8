"""What build pods have of the operator's settings, and which registry they name."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable, Mapping

from trainshed import config
from trainshed.api import labels
from trainshed.builds import dockerfiles, pods
from trainshed.registry import authorities, errors, references, targets


def target(registry: config.Registry) -> targets.Target:
    """Return the registry that images go to."""
    return targets.Target(
        push=registry.push.rstrip("/"),
        pull=registry.pull,
        prefix=registry.prefix,
        allowed=frozenset(registry.allowed),
    )


def repository(registry: config.Registry) -> Callable[[str], str]:
    """Return the function that gives a namespace's repository, as nodes name it."""
    found = target(registry)
    return lambda namespace: f"{found.pull}/{found.repository(namespace)}"


def reaches(registry: config.Registry) -> Callable[[str], bool]:
    """Return the function that tells whether the operator may call an image's registry."""
    found = target(registry)

    def answer(image: str) -> bool:
        try:
            return found.reaches(references.parse(image).host)
        except errors.BaseUnsupported:
            # What is no reference is refused by the operator itself, in words.
            return True

    return answer


def of(
    settings: config.Settings,
    *,
    operator: Mapping[str, str],
    tokens: Mapping[str, str] | None = None,
) -> Callable[[str], pods.Surroundings]:
    """Return the function that gives a namespace's build pods their surroundings.

    `operator`: where they tell it of their images. `tokens`: where and how they ask for the
    bundled registry's; None without one.
    """
    registry = settings.registry

    def found(namespace: str) -> pods.Surroundings:
        document = {
            "namespace": namespace,
            "push": registry.push,
            "pull": registry.pull,
            "prefix": registry.prefix,
            "allowed": list(registry.allowed),
            "withoutTls": list(settings.builder.without_tls),
            "indexCa": _text(settings.builder.index.ca),
            "packagesBytes": settings.builder.packages.max_bytes,
            "operator": dict(operator),
            **({"tokens": dict(tokens)} if tokens else {}),
            **({"google": True} if registry.google else {}),
        }
        return pods.Surroundings(
            image=settings.builder.image,
            settings=json.dumps(document, sort_keys=True),
            # Read each time: an authority that is renewed is known without a restart.
            ca_pem=_text(registry.ca),
            resources=settings.builder.resources.model_dump(),
            service_account=settings.builder.service_account_name,
            deadline=settings.build_deadline_seconds,
            packages_bytes=settings.builder.packages.max_bytes,
            pull_secret=labels.PULL_SECRET if tokens else "",
            tokens=bool(tokens),
            engine=engine(settings.builder.dockerfile),
        )

    return found


def engine(settings: config.Dockerfile) -> dockerfiles.Engine | None:
    """Return what builds Dockerfiles; None where nothing is named."""
    named = {
        dockerfiles.Kind.BUILDKIT: settings.buildkit.image,
        dockerfiles.Kind.BUILDAH: settings.buildah.image,
    }
    kind = next((kind for kind, image in named.items() if image), None)
    if kind is None:
        return None
    return dockerfiles.Engine(
        kind=kind,
        image=named[kind],
        storage=settings.storage,
        resources=settings.resources.model_dump(),
        host_users=settings.host_users,
    )


def _text(file: str) -> str:
    """Return a file of certificates; empty for none."""
    return authorities.read(pathlib.Path(file)) if file else ""
