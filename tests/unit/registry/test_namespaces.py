"""A namespace is the trust boundary: no namespace's images reach another's through the operator."""

from __future__ import annotations

import hypothesis
import pytest
from hypothesis import strategies

from tests.unit.registry import faulty, images
from trainshed.registry import errors, references, targets

PULL = "nodes.example:5000"
DIGEST = f"sha256:{'0a' * 32}"
FOREIGN = {
    "by the operator's name": f"{faulty.HOST}/trainshed/ns/team-b:1",
    "by the nodes' name": f"{PULL}/trainshed/ns/team-b:1",
    "by a third name that is allowed": "alias.example/trainshed/ns/team-b:1",
    "in capitals": f"{faulty.HOST.upper()}/trainshed/ns/team-b:1",
    "with no tag": f"{PULL}/trainshed/ns/team-b",
    "by digest": f"{PULL}/trainshed/ns/team-b@{DIGEST}",
    "by tag and digest": f"{PULL}/trainshed/ns/team-b:1@{DIGEST}",
    "below its repository": f"{PULL}/trainshed/ns/team-b/tools:1",
    "of a longer name": f"{PULL}/trainshed/ns/team-a-2:1",
    "below a name of ours": f"{PULL}/trainshed/ns/team-b/team-a:1",
}
NOBODYS = {
    "the default base": "trainshed/pytorch",
    "what only begins like it": "trainshed/nsx/team-b",
    "the folder itself": "trainshed/ns",
    "another prefix": "bases/ns/team-b",
    "a deeper one": "mirror/trainshed/ns/team-b",
}


APART = "project/jobs-{namespace}"
OF_TEAM_B = {
    "its images": "project/jobs-team-b/ns/team-b",
    "what else lies there": "project/jobs-team-b/bases/python",
    "by another name of the project": "123456/jobs-team-b/ns/team-b",
    "without a project": "jobs-team-b/ns/team-b",
    "below a name of ours": "project/jobs-team-b/ns/team-a",
    "in a folder of a registry that was": "project/gcr.io/jobs-team-b/ns/team-b",
}


@pytest.mark.parametrize("repository", OF_TEAM_B.values(), ids=OF_TEAM_B.keys())
async def test_what_lies_in_a_name_of_a_namespaces_own_is_no_others(repository: str) -> None:
    found = faulty.Rig(faulty.Registry(), prefix=APART)

    with pytest.raises(errors.BaseNotAllowed, match="of namespace team-b"):
        await found.make(base=f"{faulty.HOST}/{repository}:1")

    assert found.registry.seen == []


async def test_beside_the_names_of_namespaces_lies_what_is_nobodys() -> None:
    for repository in ("project/bases/jobs", "project/jobs/python", "project/my-jobs-team-b/x"):
        found = faulty.Rig(faulty.Registry(), prefix=APART)
        put(found.registry, repository)

        built = await found.make(base=f"{faulty.HOST}/{repository}:1")

        assert built.ref.startswith(f"{faulty.HOST}/project/jobs-team-a/ns/team-a@")
        assert (await found.make(b"print(2)", base=built.ref)).ref


LABELS = strategies.from_regex("[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
LIKE = strategies.sampled_from(["ns", "trainshed", "trainshed-ns", "trainshed-prod", "prod"])
NAMES = (LABELS | LIKE).filter(lambda each: references.parse(f"r.example/{each}").repository)


@hypothesis.given(
    project=strategies.lists(NAMES, max_size=2),
    named=strategies.sampled_from(["trainshed-{namespace}", "{namespace}-jobs", "a-{namespace}-b"]),
    below=strategies.lists(NAMES, max_size=1),
    theirs=NAMES,
    alias=NAMES,
)
@hypothesis.example(["trainshed-prod"], "trainshed-{namespace}", [], "team-b", "trainshed-x")
def test_whatever_projects_and_namespaces_are_called_each_path_is_of_its_own_namespace(
    project: list[str], named: str, below: list[str], theirs: str, alias: str
) -> None:
    target = targets.Target("https://r", "r", "/".join([*project, named, *below]), frozenset())
    target.check()
    path = target.repository(theirs)

    assert target.owner(references.parse(f"r.example/{path}:1")) == theirs
    if project:
        renamed = "/".join([*[alias] * len(project), *path.split("/")[len(project) :]])
        assert target.owner(references.parse(f"r.example/{renamed}:1")) == theirs


async def test_a_project_that_is_called_like_a_namespaces_repository_is_no_namespaces() -> None:
    prefix = "trainshed-prod/trainshed-{namespace}"
    found = faulty.Rig(faulty.Registry(), prefix=prefix)
    put(found.registry, "trainshed-prod/trainshed/python")

    built = await found.make(base=f"{faulty.HOST}/trainshed-prod/trainshed/python:1")

    assert (await found.make(b"print(2)", base=built.ref)).ref
    with pytest.raises(errors.BaseNotAllowed, match="of namespace team-a"):
        await found.make(namespace="prod", base=built.ref)


def rig() -> faulty.Rig:
    """Return a registry that nodes have another name for, and that has a third one."""
    return faulty.Rig(faulty.Registry(), pull=PULL, allowed=frozenset({"alias.example"}))


@pytest.mark.parametrize("base", FOREIGN.values(), ids=FOREIGN.keys())
async def test_a_base_of_another_namespace_is_refused_before_anything_is_asked(base: str) -> None:
    found = rig()

    with pytest.raises(errors.RegistryError) as caught:
        await found.make(base=base)

    assert (caught.value.reason, caught.value.terminal) == ("BaseImageNotAllowed", True)
    assert "push it to a repository outside of trainshed/ns" in str(caught.value)
    assert found.registry.seen == []


@pytest.mark.parametrize("repository", NOBODYS.values(), ids=NOBODYS.keys())
async def test_a_base_of_no_namespace_is_taken(repository: str) -> None:
    found = rig()
    put(found.registry, repository)

    assert (await found.make(base=f"{PULL}/{repository}:1")).ref


async def test_an_image_of_the_jobs_own_namespace_is_a_base() -> None:
    found = rig()
    built = await found.make()

    again = await found.make(b"print(2)", base=built.ref)

    assert again.base_digest == built.ref.partition("@")[2]
    assert again.key != built.key


@pytest.mark.parametrize("namespace", ["pytorch", "operator", "base", "ns"])
async def test_a_namespace_named_like_a_base_writes_only_below_its_own_name(
    namespace: str,
) -> None:
    found = rig()

    built = await found.make(namespace=namespace)

    assert built.ref.startswith(f"{PULL}/trainshed/ns/{namespace}@")
    written = {each.url.path for each in found.registry.seen if each.method in ("PUT", "POST")}
    assert all(each.startswith(f"/v2/trainshed/ns/{namespace}/") for each in written)


async def test_without_a_prefix_namespaces_are_kept_apart_too() -> None:
    found = faulty.Rig(faulty.Registry(), prefix="")

    with pytest.raises(errors.RegistryError, match="outside of ns"):
        await found.make(base=f"{faulty.HOST}/ns/team-b:1")

    assert (await found.make()).ref.startswith(f"{faulty.HOST}/ns/team-a@")


def put(registry: faulty.Registry, repository: str) -> None:
    """Have the base in another repository too."""
    for digest, data in faulty.BASE.blobs.items():
        registry.blobs[repository, digest] = data
    for version in ("1", images.digest(faulty.BASE.manifest)):
        registry.manifests[f"{repository}:{version}"] = faulty.BASE.manifest
