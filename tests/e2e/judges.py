"""What crane and skopeo say of every image that the jobs of a test have had built."""

from __future__ import annotations

import json
import pathlib
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests import namespaces
from tests.cluster import referees
from tests.e2e import secrecy

Body = dict[str, Any]


@dataclass(frozen=True)
class Judges:
    """Both referees, for a whole run of tests: no image and no base's layer is read twice."""

    folder: pathlib.Path
    info: Body
    known: set[str] = field(default_factory=set)

    def judge(self, namespace: namespaces.Namespace) -> None:
        """Have both read the images in the cluster's registry; a complaint fails the test."""
        host = str(self.info["registry"]["pull"])
        for ref in secrecy.built(namespace):
            if ref.startswith(f"{host}/") and ref not in self.known:
                self.read(self._outside(ref))
                self.known.add(ref)

    def contents(self, ref: str) -> str:
        """Return the digest of an image's configuration, which names its layers."""
        return str(referees.document("manifest", self._outside(ref))["config"]["digest"])

    def _outside(self, ref: str) -> str:
        """Return the name by which this machine knows an image of the cluster's registry."""
        netloc = httpx.URL(self.info["registry"]["host"]).netloc.decode()
        return ref.replace(str(self.info["registry"]["pull"]), netloc, 1)

    def read(self, ref: str, *, login: pathlib.Path | None = None) -> None:
        """Have both read one image. `login`: the config.json that opens its registry."""
        number = f"image-{len(list(self.folder.glob('image-*')))}"
        referees.judge(
            ref,
            self.folder / number,
            compression=_compression(referees.document("manifest", ref, login=login)),
            blobs=self.folder / "blobs",
            login=login,
        )


def login(folder: pathlib.Path, address: str, auth: str) -> pathlib.Path:
    """Return a config.json with the login of one registry."""
    file = folder / "config.json"
    file.write_text(json.dumps({"auths": {address: {"auth": auth}}}))
    return file


def _compression(manifest: Body) -> str:
    """Return gzip where crane can unpack all layers: it knows no zstd."""
    kinds = [str(each["mediaType"]) for each in manifest.get("layers", ())]
    return "gzip" if kinds and all(each.endswith("gzip") for each in kinds) else "zstd"
