"""What an order may name: nothing of another namespace, to read or to write."""

from __future__ import annotations

from dataclasses import dataclass

from trainshed.builds import orders
from trainshed.registry import errors, references, targets


@dataclass(frozen=True, slots=True)
class Place:
    """A repository that images go to."""

    url: str
    """Of its registry."""
    repository: str
    name: str
    """HOST/PATH, as nodes name it."""


def check(target: targets.Target, namespace: str, order: orders.Order) -> None:
    """Raise RegistryError where an order names what is no reference, or another namespace's."""
    if order.dockerfile is None:
        target.admit(namespace, references.parse(order.base))
    if order.oci is not None:
        _check_source(target, namespace, order.oci.ref)
    if order.repository:
        _named(target, namespace, order.repository)


def place(target: targets.Target, namespace: str, wanted: str = "") -> Place:
    """Return where an image goes: where it is wanted, else to the namespace's own repository."""
    if not wanted:
        repository = target.repository(namespace)
        return Place(target.push.rstrip("/"), repository, f"{target.pull}/{repository}")
    named = _named(target, namespace, wanted)
    return Place(target.url(named.host), named.repository, wanted)


def _check_source(target: targets.Target, namespace: str, ref: str) -> None:
    try:
        named = references.parse(ref)
    except errors.BaseUnsupported as error:
        raise errors.SourceRefused(
            f"{ref[:200]!a} is no reference of an artifact: mend source.oci.ref"
        ) from error
    owner = target.owner(named)
    if owner not in ("", namespace):
        raise errors.SourceNotAllowed(
            f"artifact {named.host}/{named.repository} is of namespace {owner}, and only its own"
            " jobs may use it: push it to a repository that is no namespace's"
        )


def _named(target: targets.Target, namespace: str, wanted: str) -> references.Reference:
    try:
        named = references.parse(wanted)
    except errors.BaseUnsupported as error:
        raise errors.RepositoryNotAllowed(
            f"{wanted[:200]!a} is no repository: mend image.repository"
        ) from error
    if named.digest or wanted.rpartition("/")[2].count(":"):
        raise errors.RepositoryNotAllowed(
            f"{wanted[:200]!a} has a tag or a digest, which the image's content gives: leave it"
            " out of image.repository"
        )
    owner = target.owner(named)
    if owner not in ("", namespace):
        raise errors.RepositoryNotAllowed(
            f"repository {wanted} is of namespace {owner}, whose jobs alone may push there: name"
            " another image.repository"
        )
    return named
