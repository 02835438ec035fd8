"""The image that an order comes to, before anybody knows whether it exists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trainshed.builds import measures, requests
from trainshed.core import observed, plan
from trainshed.registry import additions, bases, pushing, references


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """All that goes in, and where it goes."""

    to: pushing.Push
    request: requests.Request
    base: references.Reference
    settled: additions.Settled | None
    """What packages are; None where there are none."""
    forced: bool
    """Whether it is made anew, whatever a registry says that it has."""

    @property
    def name(self) -> tuple[str, str]:
        """Return by what equal ones are known: its repository and its first tag."""
        return self.to.name, self.to.tags[0]

    def says(self) -> Mapping[str, str]:
        """Return what the image says of itself, by which one that is found is known."""
        return bases.described(self.base, self.request.base_digest, self.to.key, self.to.marks)

    def image(
        self, digest: str, *, hit: bool, uploaded: int, phases: Mapping[str, float]
    ) -> observed.BuiltImage:
        """Return it as it is there. `hit`: it was found; `uploaded`: bytes that were sent."""
        return observed.BuiltImage(
            ref=f"{self.to.name}@{digest}",
            key=self.to.tag,
            base_digest=self.request.base_digest,
            cache_hit=hit,
            seconds=0.0,
            uploaded_bytes=uploaded,
            hits=(measures.Hit.IMAGE,) if hit else additions.hits(self.settled),
            phases=phases,
            lock_hash=self.settled.lock_hash if self.settled else "",
        )


def request(
    order: plan.BuildOrder, files: Mapping[str, bytes], *, library: str, base_digest: str
) -> requests.Request:
    """Return what goes into an order's image, but packages; by hashes."""
    return requests.Request(
        base_digest=base_digest,
        library=library,
        source=files,
        entrypoint=order.entrypoint,
        platforms=order.platforms,
        compression=order.compression,
        mounted=order.mounted,
    )
