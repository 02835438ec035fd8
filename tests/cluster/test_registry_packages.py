"""Packages of two platforms on a real registry: judged by crane and skopeo, each its own code."""

from __future__ import annotations

import gzip
import io
import os
import pathlib
import tarfile
from collections.abc import Iterator
from typing import Any

import pytest
import uv as uv_program
import zstandard

from tests import package_index
from tests.cluster import referees
from tests.cluster import registry_rig as rigs
from tests.cluster import registry_server as servers
from tests.unit.buildpod import machines
from trainshed.buildpod import packages, uv
from trainshed.builds import measures, requirements
from trainshed.core import plan

pytestmark = servers.needs_registry


@pytest.fixture
def index(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[package_index.Index]:
    """Serve a package with machine code, to the uv of the test dependencies."""
    folder = pathlib.Path(uv_program.find_uv_bin()).parent
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    with package_index.serve(tmp_path) as found:
        found.add(*machines.wheels())
        yield found


@pytest.mark.parametrize("compression", ["zstd", "gzip"])
async def test_the_packages_of_each_platform_are_of_its_machine(
    rig: rigs.Rig,
    server: servers.Server,
    index: package_index.Index,
    tmp_path: pathlib.Path,
    compression: str,
) -> None:
    order = plan.BuildOrder(
        base=rigs.push(server, machines.bases()),
        entrypoint=rigs.ENTRYPOINT,
        platforms=machines.PLATFORMS,
        compression=compression,
    )
    added = packages.Packages(
        wanted=requirements.Requirements(packages=("fast",)),
        files={},
        index=uv.Index(index.url),
        work=tmp_path / "work",
        limit=1 << 30,
        watch=measures.Stopwatch(rig.clock),
    )

    built = await rig.builder.make("team-a", order, rigs.CODE, added)

    referees.judge(built.ref, tmp_path / "judged", compression=compression)
    listed = referees.document("manifest", built.ref)["manifests"]
    name = built.ref.partition("@")[0]
    found = {}
    for each in listed:
        ref = f"{name}@{each['digest']}"
        layers = referees.document("manifest", ref)["layers"]
        (code,) = (
            data
            for layer in layers
            for path, data in files(server, ref, layer).items()
            if path == "opt/trainshed/packages/fast.so"
        )
        found[each["platform"]["architecture"]] = machines.elf_machine(code)
    assert found == {each: number for each, (_, number) in machines.MACHINES.items()}


def files(server: servers.Server, ref: str, layer: dict[str, Any]) -> dict[str, bytes]:
    """Return the files of a layer."""
    data = rigs.read(server, ref, f"blobs/{layer['digest']}").raise_for_status().content
    if layer["mediaType"].endswith("zstd"):
        with zstandard.ZstdDecompressor().stream_reader(data) as reader:
            plain = reader.read()
    else:
        plain = gzip.decompress(data)
    with tarfile.open(fileobj=io.BytesIO(plain)) as opened:
        return {
            each.name: (opened.extractfile(each) or io.BytesIO()).read()
            for each in opened
            if each.isfile()
        }
