"""Fetches code from an artifact in a registry, and says why it can't in a source's own words."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import pathlib
import tempfile
from collections.abc import Iterator, Sequence

from trainshed.api import reasons
from trainshed.buildpod import failing, granted, places, unpacking
from trainshed.builds import artifacts, orders, sources
from trainshed.registry import authentication, credentials, errors, pulling, references
from trainshed.registry import client as clients

BuildReason, Reason = reasons.BuildReason, reasons.Reason
_WHOSE = authentication.Whose(
    "the job", "name a Secret that may read it in oci.pullSecret", "the account in oci.pullSecret"
)


def fetch(
    oci: orders.Oci,
    registries: places.Places,
    *,
    folder: pathlib.Path,
    ignore: Sequence[str],
    limit: int,
    platform: str,
) -> tuple[dict[str, bytes], str]:
    """Return the files of an artifact and its digest; raises BuildFailed.

    `folder`: where its blobs lie while they are unpacked. `limit`: bytes of the files together.
    `platform`: which manifest of an index is meant, such as linux/amd64.
    """
    tree = unpacking.Tree(ignore=ignore, limit=limit)
    with told(oci):
        reference = references.parse(oci.ref)
        choose = functools.partial(artifacts.chosen, platform=platform)
        digest = asyncio.run(_fetched(reference, registries, choose, tree, folder, limit))
        return tree.files(), digest


async def _fetched(
    reference: references.Reference,
    registries: places.Places,
    choose: pulling.Choose,
    tree: unpacking.Tree,
    folder: pathlib.Path,
    limit: int,
) -> str:
    async with (
        granted.issuer(registries.settings) as issue,
        granted.lender(registries.settings) as lender,
        pulling.open_client(
            reference.host,
            target=registries.target,
            ca_file=registries.ca_file,
            logins=credentials.load(registries.oci_file or registries.push_file),
            whose=_WHOSE,
            issue=issue,
            lender=lender,
        ) as client,
    ):
        return await read(client, reference, choose, tree=tree, folder=folder, limit=limit)


async def read(
    client: clients.Client,
    reference: references.Reference,
    choose: pulling.Choose,
    *,
    tree: unpacking.Tree,
    folder: pathlib.Path,
    limit: int,
) -> str:
    """Put an artifact's files into a tree and return its digest; raises what a registry does."""
    digest, manifest = await pulling.manifest(client, reference, choose=choose)
    for part in artifacts.parts(manifest, limit=unpacking.room(limit)):
        with tempfile.TemporaryFile(dir=folder) as file:
            await pulling.download(client, reference.repository, part.digest, file, size=part.size)
            if part.title:
                tree.put(part.title, part.size, file.read)
            else:
                await asyncio.to_thread(tree.unpack, file)
    return digest


_REASONS: dict[type[errors.RegistryError], tuple[str, bool]] = {
    errors.Unavailable: (BuildReason.SOURCE_UNREACHABLE, False),
    errors.Unauthorized: (BuildReason.SOURCE_UNAUTHORIZED, True),
    errors.Forbidden: (BuildReason.SOURCE_UNAUTHORIZED, True),
    errors.NotAllowed: (BuildReason.SOURCE_NOT_ALLOWED, True),
    errors.CertificateUnknown: (BuildReason.SOURCE_CERTIFICATE_UNKNOWN, True),
    errors.BaseUnsupported: (Reason.SOURCE_INVALID, True),
}


@contextlib.contextmanager
def told(oci: orders.Oci) -> Iterator[None]:
    """Turn what a registry refuses, and what an artifact lacks, into a source's refusal."""
    try:
        yield
    except errors.NotFound as error:
        raise failing.BuildFailed(
            Reason.SOURCE_NOT_FOUND,
            f"there is no artifact {oci.ref[:200]!a}: push it, or create the job anew with another"
            " source.oci.ref; a private one needs source.oci.pullSecret",
        ) from error
    except sources.SourceTooLarge as error:
        raise failing.BuildFailed(Reason.SOURCE_TOO_LARGE, str(error)) from error
    except sources.SourceRefused as error:
        raise failing.BuildFailed(Reason.SOURCE_INVALID, str(error)) from error
    except (errors.MetadataServerUnavailable, errors.MetadataServerRefused):
        # Nothing that the source, or its registry, has to do with.
        raise
    except errors.RegistryError as error:
        reason, terminal = _REASONS.get(type(error), (Reason.SOURCE_UNREADABLE, False))
        raise failing.BuildFailed(reason, f"source.oci: {error}", terminal=terminal) from error
