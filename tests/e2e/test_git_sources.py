"""Code in git repositories: cloned, packed and run, or refused with the reason."""

from __future__ import annotations

import pathlib
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests import git_server, ssh_server
from tests.e2e import conftest, secrecy

pytestmark = pytest.mark.usefixtures("judged")
REASON_SECONDS = 60.0
LOGIN = ("reader", "hunter2-secret")


@pytest.fixture
def host(info: conftest.Body) -> str:
    """Return this machine's address as pods see it."""
    return str(info["registry"]["pull"].partition(":")[0])


@pytest.fixture
def server(host: str, tmp_path: pathlib.Path) -> Iterator[git_server.Server]:
    """Serve repositories to the pods of the cluster."""
    with git_server.serve(tmp_path / "served", host=host) as found:
        yield found


def job(url: str, ref: str = "HEAD", **git: Any) -> conftest.Body:
    return {"framework": "pytorch", "source": {"git": {"url": url, "ref": ref, **git}}}


def builds(namespace: conftest.Namespace) -> list[conftest.Body]:
    """Return the build Jobs of a namespace."""
    chosen = {"labelSelector": "trainshed.dev/component=builder"}
    found: list[conftest.Body] = namespace.api.get(namespace.workloads, **chosen)["items"]
    return found


def pods_of_builds(namespace: conftest.Namespace) -> list[str]:
    """Return the names of the build pods of a namespace."""
    chosen = {"labelSelector": "trainshed.dev/component=builder"}
    return [
        each["metadata"]["name"] for each in namespace.api.get(namespace.pods, **chosen)["items"]
    ]


def text_of(namespace: conftest.Namespace, pod: str) -> str:
    """Return what a pod has said."""
    return str(namespace.api.http.get(f"{namespace.pods}/{pod}/log").text)


def secret(namespace: conftest.Namespace, name: str, **data: str) -> None:
    """Create a Secret."""
    path = f"/api/v1/namespaces/{namespace.name}/secrets"
    namespace.api.create(path, {"metadata": {"name": name}, "stringData": data})


def test_each_job_of_a_branch_runs_what_the_branch_has_then(
    namespace: conftest.Namespace, server: git_server.Server
) -> None:
    repository = server.repository("code")
    url = f"{server.url}/code/.git"
    for name in ("first", "second"):
        commit = repository.commit({"train.py": f"import lib\nprint(lib.A + {name!r})",
                                    "lib.py": "A = 'it runs: '"})  # fmt: skip
        namespace.apply(name, job(url, "main"))
        status = namespace.finished(name)
        assert status["phase"] == "Succeeded", status
        assert status["image"]["sourceRevision"] == commit
        pod = next(each for each in namespace.api.get(namespace.pods)["items"]
                   if each["metadata"]["labels"].get("trainshed.dev/job") == name)  # fmt: skip
        assert f"it runs: {name}" in text_of(namespace, pod["metadata"]["name"])
    for each in pods_of_builds(namespace):
        assert "the operator is told" in text_of(namespace, each)


def test_jobs_of_one_commit_share_a_build(
    namespace: conftest.Namespace, server: git_server.Server
) -> None:
    commit = server.repository("code").commit({"train.py": "print('shared')"})
    names = [f"job-{number}" for number in range(3)]
    for name in names:
        namespace.apply(name, job(f"{server.url}/code/.git", commit))
    refs = {namespace.finished(name)["image"]["ref"] for name in names}
    assert len(refs) == 1
    assert len(builds(namespace)) == 1


def test_a_commit_that_was_built_needs_no_pod(
    namespace: conftest.Namespace, server: git_server.Server
) -> None:
    commit = server.repository("code").commit({"train.py": "print('once')"})
    namespace.apply("first", job(f"{server.url}/code/.git", commit))
    first = namespace.finished("first")["image"]
    # A busy machine may have taken two tries.
    for build in builds(namespace):
        name = build["metadata"]["name"]
        namespace.api.delete(f"{namespace.workloads}/{name}", propagationPolicy="Background")
        namespace.api.wait_gone(namespace.workloads, name, what="the build's Job to go", seconds=30)

    namespace.apply("second", job(f"{server.url}/code/.git", commit))
    second = namespace.finished("second")["image"]
    assert (second["ref"], second["key"]) == (first["ref"], first["key"])
    assert second["cacheHit"] is True
    assert second["sourceRevision"] == commit
    assert builds(namespace) == []


def test_a_branch_that_is_not_there(
    namespace: conftest.Namespace, server: git_server.Server
) -> None:
    server.repository("code").commit({"train.py": "print(1)"})
    namespace.apply("absent", job(f"{server.url}/code/.git", "absent"))
    status = namespace.finished("absent")
    assert status["failure"]["class"] == "Build"
    failed = conftest.condition(status, "Failed")
    assert failed is not None
    assert failed["reason"] == "SourceRefNotFound"


def test_a_link_out_of_the_repository(
    namespace: conftest.Namespace, server: git_server.Server
) -> None:
    repository = server.repository("code")
    (repository.folder / "leak").symlink_to("/etc/passwd")
    repository.commit({"train.py": "print(1)"})
    namespace.apply("leak", job(f"{server.url}/code/.git"))
    message = namespace.told("leak", "Failed", "SourceInvalid", seconds=REASON_SECONDS)
    assert "'leak' is a link out of the source" in message


def test_an_entry_point_that_the_repository_lacks(
    namespace: conftest.Namespace, server: git_server.Server
) -> None:
    server.repository("code").commit({"main.py": "print(1)"})
    namespace.apply("lacks", job(f"{server.url}/code/.git"))
    message = namespace.told("lacks", "Failed", "EntryPointNotFound", seconds=REASON_SECONDS)
    assert "main.py" in message


def test_a_submodule_whose_repository_or_commit_is_gone(
    namespace: conftest.Namespace, server: git_server.Server
) -> None:
    for name in ("repository", "commit"):
        library = server.repository(f"library-{name}")
        library.commit({"module.py": "A = 1"})
        made = server.repository(name)
        made.git("submodule", "add", "-q", f"{server.url}/library-{name}/.git", "library")
        made.commit({"train.py": "print(1)"})
        shutil.rmtree(library.folder)
    server.repository("library-commit").commit({"module.py": "A = 2"})

    for name in ("repository", "commit"):
        namespace.apply(name, job(f"{server.url}/{name}/.git", submodules=True))
    for name in ("repository", "commit"):
        message = namespace.told(name, "Failed", "SubmoduleFailed", seconds=REASON_SECONDS)
        assert "git.submodules: false" in message


def test_a_private_repository_needs_its_secret(
    namespace: conftest.Namespace, info: conftest.Body, host: str, tmp_path: pathlib.Path
) -> None:
    with (
        git_server.serve(tmp_path / "served", host=host, login=LOGIN, tls=True) as web,
        ssh_server.serve(tmp_path / "served", host=host) as ssh,
    ):
        web.repository("code").commit({"train.py": "print('it runs')"})
        login = {"username": LOGIN[0], "password": LOGIN[1], "ca.crt": web.authority}
        secret(namespace, "web", **login)
        keys = {"ssh-privatekey": ssh.private_key, "known_hosts": ssh.known_hosts}
        secret(namespace, "ssh", **keys)
        other = f"{ssh.known_hosts.partition(' ')[0]} {ssh_server.public(ssh_server.a_key())}\n"
        secret(namespace, "stranger", **{**keys, "known_hosts": other})
        for name, url in {"web": web.url, "ssh": ssh.url, "stranger": ssh.url}.items():
            namespace.apply(name, job(f"{url}/code/.git", secretRef={"name": name}))
        for name in ("web", "ssh"):
            assert namespace.finished(name)["phase"] == "Succeeded"
        refused = namespace.told(
            "stranger", "Failed", "SourceHostKeyUnknown", seconds=REASON_SECONDS
        )
        assert "known_hosts of Secret stranger" in refused

    key = [each for each in ssh.private_key.splitlines() if len(each) > 40]
    secrecy.check(namespace, info, LOGIN[1], ":".join(LOGIN), *key, shown="it runs")


def test_a_server_that_is_down_is_waited_for(namespace: conftest.Namespace, host: str) -> None:
    namespace.apply("down", job(f"http://{host}:1/code"))
    message = namespace.told("down", "ImageReady", "SourceUnreachable", seconds=REASON_SECONDS)
    assert "tried again" in message


def test_a_secret_that_is_not_there_is_named(namespace: conftest.Namespace) -> None:
    namespace.apply(
        "missing", job("https://git.invalid/code.git", secretRef={"name": "absent-key"})
    )
    message = namespace.told("missing", "ImageReady", "BuildPodWaiting", seconds=REASON_SECONDS)
    assert "absent-key" in message
