"""How long our builds take, as status.image and the timeline tell it."""

from __future__ import annotations

from typing import Any

from tests import git_server
from tests.builds import scripts
from tests.builds.site import Site

Body = dict[str, Any]


def inline(name: str, edit: str, **more: Any) -> Body:
    """Return the spec of a job of an inline script."""
    source = {"inline": {"files": {"train.py": scripts.script(edit)}}, **more}
    return {"framework": "pytorch", "source": source, "params": {"name": name}}


def edited_inline(site: Site, number: int) -> float:
    """Return the seconds of the image of an inline script that was just edited."""
    name = f"inline-{number}"
    site.apply(name, inline(name, name))
    return float(site.image(name)["seconds"])


def from_git(url: str, **more: Any) -> Body:
    """Return the spec of a job of a repository's branch."""
    return {"framework": "pytorch", "source": {"git": {"url": url, "ref": "main"}, **more}}


def of_branch(
    site: Site, server: git_server.Server, repository: git_server.Repository, number: int
) -> tuple[float, float]:
    """Return seconds in the pod of a branch with a new commit, and of the phase with none.

    Between the two a job ends, so that the second has a pod of its own.
    """
    repository.commit({"train.py": scripts.script(f"git-{number}")})
    url = f"{server.url}/{repository.folder.name}/.git"
    names = [f"git-{which}-{number}" for which in ("changed", "unchanged")]
    for name, found in zip(names, (False, True), strict=True):
        site.apply(name, from_git(url))
        if site.image(name)["cacheHit"] is not found:
            raise TimeoutError(f"{name}: the image was {'built' if found else 'found'}")
        site.ended(name)
    return float(site.image(names[0])["seconds"]), site.phase(names[1])


def equal_jobs(site: Site, url: str, *, count: int) -> int:
    """Return how many builds so many equal jobs make that are applied at once.

    Their own pods go to no node: what is counted is over when each has its image.
    """
    before = site.builds()
    spec = from_git(url) | {"pod": {"nodeSelector": {"trainshed.dev/bench": "nowhere"}}}
    names = [f"equal-{number}" for number in range(count)]
    for name in names:
        site.apply(name, spec)
    refs = {site.image(name)["ref"] for name in names}
    if len(refs) != 1:
        raise TimeoutError(f"{count} equal jobs have {len(refs)} images")
    return len(site.builds() - before)
