"""The settings that decisions depend on, out of all of the operator's."""

from __future__ import annotations

from trainshed import config
from trainshed.api import labels
from trainshed.core import policy
from trainshed.progress import certificates
from trainshed.registry import surroundings
from trainshed.workloads import neighbours, podgroups


def of(
    settings: config.Settings,
    identity: config.Identity,
    signer: certificates.KeyPair,
    placer: podgroups.Placer | None,
) -> policy.Policy:
    """Return the policy.

    `signer`: the authority of the endpoint that trainers push to. `placer`: what was found here.
    """
    host = f"{settings.progress.service}.{identity.namespace}.svc"
    return policy.Policy(
        base_images=settings.images.bases,
        variants=settings.images.variants,
        devel_images=settings.images.devel.model_dump(),
        index=settings.builder.index.url,
        constraints=settings.builder.index.constraints,
        progress_url=f"https://{host}:{settings.progress.port}",
        ca_pem=signer.certificate.decode("ascii"),
        build_deadline=settings.build_deadline_seconds,
        startup_deadline=settings.startup_deadline_seconds,
        gang_deadline=settings.gang_deadline_seconds,
        reaches=surroundings.reaches(settings.registry),
        pull_secret=labels.PULL_SECRET if settings.registry.bundled.enabled else "",
        placer=placer,
        avoids=settings.placement.avoid_labelled,
        wishes=neighbours.Wishes(
            topology_keys=settings.placement.topology_keys, pack=settings.placement.pack
        ),
    )
