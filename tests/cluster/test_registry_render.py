"""`trainshed render --build` and the builder say the same of an image. A real registry answers."""

from __future__ import annotations

import pathlib

from tests import builders
from tests.cluster import registry_rig as rigs
from tests.cluster import registry_server as servers
from tests.unit.registry import images
from trainshed import config
from trainshed.api import spec
from trainshed.cli import builds, finding, manifests
from trainshed.core import admission

pytestmark = servers.needs_registry
BASE = images.image({"usr/bin/python3": b"#!/bin/sh\n"})


async def test_the_key_that_is_shown_is_that_of_the_image_that_is_built(
    rig: rigs.Rig, server: servers.Server, tmp_path: pathlib.Path
) -> None:
    package = tmp_path / "trainshed_trainer"
    package.mkdir()
    for name, content in rigs.LIBRARY.items():
        (package / name).write_bytes(content)
    base = rigs.push(server, BASE)
    files = {name: content.decode() for name, content in rigs.CODE.items()}
    job = builders.training_job().inline(files, "python3", "train.py").spec(image={"base": base})
    read = admission.read(job.view())
    assert isinstance(read, spec.TrainingJobSpec)
    settings = config.Settings(registry=config.Registry(push=server.url, pull=server.address))
    manifest = manifests.Manifest("team-a", "any", read, {})

    found = await finding.find(manifest, settings, finding.Ways(library=tmp_path))
    shown = builds.of(manifest, settings, found)
    made = await rig.make(base)

    assert shown.missing == {}
    assert shown.base_digest == BASE.digest
    assert (shown.key, shown.repository) == (made.key, made.ref.partition("@")[0])
    assert shown.entrypoint == rigs.ENTRYPOINT
