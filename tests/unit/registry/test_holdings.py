"""What is read of a registry in which strangers may push: bounded, whatever they push."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from tests.unit.registry import faulty, images
from trainshed.core import retention
from trainshed.registry import errors, holdings

REPOSITORY = "trainshed/ns/team-a"


@dataclass
class Listing(faulty.Registry):
    """A registry that lists its tags too."""

    tags: list[str] = field(default_factory=list)
    catalog: list[str] = field(default_factory=list)

    def push(self, tag: str, document: dict[str, Any]) -> str:
        """Push a manifest; return its digest."""
        body = json.dumps(document).encode()
        self.manifests[f"{REPOSITORY}:{tag}"] = body
        self.tags.append(tag)
        return images.digest(body)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/tags/list"):
            return httpx.Response(200, json={"tags": self.tags})
        if request.url.path == "/v2/_catalog":
            return self._listed(int(request.url.params["n"]), request.url.params.get("last", ""))
        return super()._answer(request)

    def _listed(self, many: int, last: str) -> httpx.Response:
        begin = self.catalog.index(last) + 1 if last else 0
        page = self.catalog[begin : begin + many]
        more = page and page[-1] != self.catalog[-1]
        link = f'</v2/_catalog?n={many}&last={page[-1]}>; rel="next"' if more else ""
        return httpx.Response(200, json={"repositories": page}, headers={"Link": link})

    async def read(self) -> list[retention.Manifest]:
        """Read what is there."""
        return await holdings.read(faulty.Rig(self).client, REPOSITORY)


def digest(number: int) -> str:
    return f"sha256:{number:064x}"


def index(*numbers: int, note: str = "") -> dict[str, Any]:
    return {"manifests": [{"digest": digest(each)} for each in numbers], "note": note}


async def test_of_a_manifest_its_parts_and_what_it_tells_of_are_kept() -> None:
    listing = Listing()
    parts = listing.push("b-1", index(1, 2))
    listing.tags.append("b-2")
    listing.manifests[f"{REPOSITORY}:b-2"] = listing.manifests[f"{REPOSITORY}:b-1"]
    told = listing.push("x", {"subject": {"digest": digest(3)}})
    by_tag = listing.push("sha256-" + "4" * 64, {"layers": []})

    assert await listing.read() == [
        retention.Manifest(parts, ("b-1", "b-2"), (digest(1), digest(2))),
        retention.Manifest(told, ("x",), subject=digest(3)),
        retention.Manifest(by_tag, ("sha256-" + "4" * 64,), subject="sha256:" + "4" * 64),
    ]


async def test_a_repository_whose_indexes_would_fill_the_memory_is_left_alone() -> None:
    listing = Listing()
    for number in range(13):
        listing.push(f"t-{number}", index(*range(8000), note=str(number)))

    with pytest.raises(errors.Rejected, match="more than 100000 parts"):
        await listing.read()


async def test_a_manifest_that_is_larger_than_any_image_is_not_unfolded() -> None:
    listing = Listing()
    listing.push("large", {"layers": [[]] * 400_000})

    with pytest.raises(errors.Rejected, match="a document of more than 1048576 bytes"):
        await listing.read()


async def test_no_number_of_names_in_one_namespace_keeps_another_from_its_turn() -> None:
    crowd = [f"trainshed/ns/a/{number:05}" for number in range(20_100)]
    listing = Listing(catalog=["trainshed/base", *crowd, REPOSITORY])
    found = holdings.repositories(faulty.Rig(listing).client, folder="trainshed/ns")

    assert [each async for each in found] == [*crowd, REPOSITORY]


async def test_a_repository_of_more_tags_than_are_read_is_left_alone() -> None:
    listing = Listing(tags=["x"] * 20_001)

    with pytest.raises(errors.Rejected, match="more than 20000 names"):
        await listing.read()
