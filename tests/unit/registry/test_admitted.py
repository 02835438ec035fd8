"""What an order may name: no other namespace's artifact, and no other namespace's repository."""

from __future__ import annotations

from typing import Any

import pytest

from tests import facts
from tests.unit.registry import faulty
from trainshed.builds import orders
from trainshed.core import plan
from trainshed.registry import admitted, errors, targets

OTHER = "trainshed/ns/team-b"
DIGEST = "sha256:" + "a" * 64


def target(*allowed: str) -> targets.Target:
    return targets.Target(
        push="https://own.example",
        pull="nodes.example:5000",
        prefix="trainshed",
        allowed=frozenset(allowed),
    )


def refusal(**order: Any) -> errors.RegistryError:
    with pytest.raises(errors.RegistryError) as caught:
        admitted.check(target(), "team-a", facts.pod_order(**order))
    assert caught.value.terminal
    return caught.value


@pytest.mark.parametrize("host", ["own.example", "nodes.example:5000", "elsewhere.example"])
def test_another_namespaces_is_refused_by_whichever_name(host: str) -> None:
    oci = orders.Oci(f"{host}/{OTHER}/code:1", "")
    assert refusal(oci=oci).reason == "SourceNotAllowed"
    assert refusal(repository=f"{host}/{OTHER}").reason == "RepositoryNotAllowed"
    assert refusal(base=f"{host}/{OTHER}:1").reason == "BaseImageNotAllowed"


def test_ones_own_and_nobodys_are_taken() -> None:
    for name in ("trainshed/ns/team-a", "trainshed/ns/team-a/code", "team/code"):
        ref = f"nodes.example:5000/{name}"
        order = facts.pod_order(oci=orders.Oci(f"{ref}:1", ""), repository=ref, base=f"{ref}:1")
        admitted.check(target(), "team-a", order)


@pytest.mark.parametrize("ref", ["Upper.example/Code:1", "r.example/a:", f"r.example/a@{DIGEST}x"])
def test_what_is_no_reference_is_refused_in_the_words_of_its_field(ref: str) -> None:
    told = refusal(oci=orders.Oci(ref, ""))
    assert told.reason == "SourceInvalid"
    assert "source.oci.ref" in str(told)


@pytest.mark.parametrize("name", ["r.example/a:1", f"r.example/a@{DIGEST}", "r.example/A", "r.e:/"])
def test_a_repository_is_a_name_without_a_tag(name: str) -> None:
    told = refusal(repository=name)
    assert told.reason == "RepositoryNotAllowed"
    assert "image.repository" in str(told)


def test_an_image_goes_where_it_is_wanted() -> None:
    own = admitted.place(target(), "team-a")
    assert own.name == "nodes.example:5000/trainshed/ns/team-a"
    assert (own.url, own.repository) == ("https://own.example", "trainshed/ns/team-a")
    # Nodes are given the name that the user wrote.
    hub = admitted.place(target("docker.io"), "team-a", "docker.io/me/images")
    assert hub == admitted.Place("https://registry-1.docker.io", "me/images", "docker.io/me/images")
    with pytest.raises(errors.NotAllowed):
        admitted.place(target(), "team-a", "r.example/a")


async def test_what_must_not_be_called_is_left_to_the_pod() -> None:
    rig = faulty.Rig(faulty.Registry())
    order = facts.pod_order(base="elsewhere.example/base:1")

    prepared = await rig.builder.prepared("team-a", order)

    assert prepared.base == "elsewhere.example/base:1"
    assert prepared.library
    assert rig.registry.seen == []


async def test_an_image_is_pushed_to_another_repository_and_named_by_it() -> None:
    rig = faulty.Rig(faulty.Registry())
    order = plan.BuildOrder(
        base=faulty.BASE_NAME, entrypoint=("x",), repository=f"{faulty.HOST}/team/images"
    )

    built = await rig.builder.make("team-a", order, {"train.py": b"1"})
    own = await rig.make(b"1")

    assert built.ref.startswith(f"{faulty.HOST}/team/images@sha256:")
    assert own.ref.startswith(f"{faulty.HOST}/trainshed/ns/team-a@sha256:")
    assert f"team/images:{built.key}" in rig.registry.manifests
