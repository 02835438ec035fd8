"""What an artifact in a registry holds: archives of files, or files with names. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trainshed.builds import manifests, sources

_TITLE = "org.opencontainers.image.title"
_UNPACK = "io.deis.oras.content.unpack"
_EMPTY = "application/vnd.oci.empty.v1+json"
_ARCHIVES = (".tar", ".tar+gzip", ".tar.gzip", ".tar+zstd", ".tar.zstd")
_MOST = 127
_SHOWN = 100

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """One blob of an artifact."""

    digest: str
    size: int
    title: str
    """The name of the file that it is; empty for an archive of files."""


def chosen(index: Document, platform: str) -> str:
    """Return the digest of the one manifest that an index means; raises SourceRefused."""
    found = [
        each for each in _objects(index, "manifests") if manifests.is_digest(each.get("digest"))
    ]
    if len(found) > 1:
        found = [each for each in found if _platform(each) == platform]
    if len(found) != 1:
        raise sources.SourceRefused(
            f"the artifact is an index without a manifest for {platform}: push one, or name a"
            " manifest in source.oci.ref by its digest"
        )
    return str(found[0]["digest"])


def parts(manifest: Document, *, limit: int) -> list[Part]:
    """Return an artifact's blobs, the lowest first; raises SourceRefused.

    `limit`: bytes that all of them may have, as they are stored.
    """
    listed = _objects(manifest, "layers")
    if len(listed) > _MOST:
        raise sources.SourceRefused(f"the artifact has {len(listed)} layers, {_MOST} are taken")
    found = [_part(each) for each in listed if each.get("mediaType") != _EMPTY]
    if not found:
        raise sources.SourceRefused("the artifact holds no files: push the code into it")
    total = sum(each.size for each in found)
    if total > limit:
        raise sources.SourceTooLarge(
            f"the artifact has {total} bytes, and {limit} may be fetched, 4 times"
            " source.maxBytes: make it smaller, or raise source.maxBytes"
        )
    return found


def _part(layer: Document) -> Part:
    media_type, size = str(layer.get("mediaType"))[:_SHOWN], layer.get("size")
    if layer.get("urls") or not manifests.is_digest(layer.get("digest")):
        raise sources.SourceRefused(
            "the artifact has a layer that is stored elsewhere, or not named by a sha256 digest:"
            " push it with its content"
        )
    if type(size) is not int or size < 0:
        raise sources.SourceRefused("the artifact has a layer without a size: push it anew")
    told = layer.get("annotations")
    marks = told if isinstance(told, Mapping) else {}
    title = str(marks.get(_TITLE) or "")
    # Who pushes a file without a type of its own gives it that of a tar: its name tells more.
    if title and marks.get(_UNPACK) != "true":
        return Part(str(layer["digest"]), size, title.removeprefix("./"))
    if not media_type.endswith(_ARCHIVES):
        raise sources.SourceRefused(
            f"the artifact has a layer of type {media_type!a}, which is neither a tar nor a file"
            f" with a name ({_TITLE}): push the code with `oras push`, or as a tar"
        )
    return Part(str(layer["digest"]), size, "")


def _platform(entry: Document) -> str:
    of = entry.get("platform")
    return f"{of.get('os')}/{of.get('architecture')}" if isinstance(of, Mapping) else ""


def _objects(document: Document, name: str) -> list[Document]:
    listed = document.get(name)
    found = listed if isinstance(listed, list) else []
    if not isinstance(listed, list) or not all(isinstance(each, Mapping) for each in found):
        raise sources.SourceRefused(
            "what source.oci.ref names has no layers: it is no artifact and no image"
        )
    return found
