"""One commit of a repository, from a real git server on loopback."""

from __future__ import annotations

import pathlib
import shutil
from collections.abc import Iterator

import pytest

from tests import git_server
from trainshed.buildpod import cloning, failing
from trainshed.builds import orders


@pytest.fixture
def server(tmp_path: pathlib.Path) -> Iterator[git_server.Server]:
    with git_server.serve(tmp_path / "served") as found:
        yield found


@pytest.fixture
def private(tmp_path: pathlib.Path) -> Iterator[git_server.Server]:
    with git_server.serve(tmp_path / "private", login=("me", "hunter2")) as found:
        yield found


def order(url: str, ref: str = "HEAD", path: str = ".", **fields: object) -> orders.Git:
    known = {"submodules": False, "secret": "", **fields}
    return orders.Git(url, ref, path, **known)  # type: ignore[arg-type]


def fetch(
    git: orders.Git, tmp_path: pathlib.Path, secret: pathlib.Path | None = None
) -> tuple[pathlib.Path, str]:
    return cloning.Repository(
        git, folder=tmp_path / "work", secret=secret or tmp_path / "no", seconds=30
    ).fetch()


def test_a_branch_a_tag_and_a_commit_give_what_they_name(
    server: git_server.Server, tmp_path: pathlib.Path
) -> None:
    made = server.repository("code")
    first = made.commit({"train.py": "1"})
    made.git("tag", "v1")
    second = made.commit({"train.py": "2"}, branch="next")
    for number, (ref, commit) in enumerate(
        {"main": first, "v1": first, "next": second, second: second, first: first}.items()
    ):
        folder, found = fetch(order(f"{server.url}/code/.git", ref), tmp_path / str(number))
        assert (found, (folder / "train.py").read_text()) == (commit, "12"[commit == second])


def test_a_folder_of_a_repository_may_be_named(
    server: git_server.Server, tmp_path: pathlib.Path
) -> None:
    server.repository("code").commit({"jobs/a/train.py": "a", "other": "b"})
    folder, _ = fetch(order(f"{server.url}/code/.git", path="jobs/a"), tmp_path)
    assert [each.name for each in folder.iterdir()] == ["train.py"]


def refusal(
    git: orders.Git, tmp_path: pathlib.Path, secret: pathlib.Path | None = None
) -> failing.BuildFailed:
    with pytest.raises(failing.BuildFailed) as caught:
        fetch(git, tmp_path, secret)
    return caught.value


def test_a_branch_that_is_not_there_is_named(
    server: git_server.Server, tmp_path: pathlib.Path
) -> None:
    server.repository("code").commit({"train.py": "1"})
    found = refusal(order(f"{server.url}/code/.git", "absent"), tmp_path)
    assert found.reason == "SourceRefNotFound"
    assert "absent" in str(found)


def test_a_repository_that_is_not_there_is_told(
    server: git_server.Server, tmp_path: pathlib.Path
) -> None:
    assert refusal(order(f"{server.url}/none"), tmp_path).reason == "SourceNotFound"


def test_a_server_that_is_not_there_is_tried_again(tmp_path: pathlib.Path) -> None:
    found = refusal(order("http://127.0.0.1:1/code"), tmp_path)
    assert (found.reason, found.terminal) == ("SourceUnreachable", False)


def test_a_private_repository_asks_for_a_secret(
    private: git_server.Server, tmp_path: pathlib.Path
) -> None:
    private.repository("code").commit({"train.py": "1"})
    found = refusal(order(f"{private.url}/code/.git"), tmp_path)
    assert found.reason == "SourceUnauthorized"
    assert "git.secretRef" in str(found)


@pytest.mark.parametrize(("password", "opens"), [("hunter2", True), ("wrong", False)])
def test_credentials_come_from_the_secrets_files_and_go_into_no_message(
    private: git_server.Server, tmp_path: pathlib.Path, password: str, opens: bool
) -> None:
    private.repository("code").commit({"train.py": "1"})
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "username").write_text("me")
    (secret / "password").write_text(password)
    git = order(f"{private.url}/code/.git", secret="key")

    if opens:
        folder, _ = fetch(git, tmp_path, secret)
        assert (folder / "train.py").read_text() == "1"
        return
    with pytest.raises(failing.BuildFailed) as caught:
        fetch(git, tmp_path, secret)
    assert caught.value.reason == "SourceUnauthorized"
    assert password not in str(caught.value)


def test_submodules_are_cloned_where_they_are_asked_for(
    server: git_server.Server, tmp_path: pathlib.Path
) -> None:
    server.repository("library").commit({"module.py": "m"})
    made = server.repository("code")
    made.git("submodule", "add", "-q", f"{server.url}/library/.git", "library")
    made.commit({"train.py": "1"})
    url = f"{server.url}/code/.git"

    without, _ = fetch(order(url), tmp_path / "without")
    folder, _ = fetch(order(url, submodules=True), tmp_path / "with")

    assert not (without / "library/module.py").exists()
    assert (folder / "library/module.py").read_text() == "m"


def test_a_submodule_that_is_a_file_of_the_pod_is_refused(
    server: git_server.Server, tmp_path: pathlib.Path
) -> None:
    made = server.repository("code")
    other = server.repository("library")
    other.commit({"module.py": "m"})
    made.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(other.folder), "l")
    made.commit({"train.py": "1"})

    found = refusal(order(f"{server.url}/code/.git", submodules=True), tmp_path)
    assert found.reason == "SubmoduleFailed"
    assert "not allowed" in str(found)


@pytest.mark.parametrize("gone", ["repository", "commit"])
def test_a_submodule_that_is_gone_is_told(
    server: git_server.Server, tmp_path: pathlib.Path, gone: str
) -> None:
    library = server.repository("library")
    library.commit({"module.py": "old"})
    made = server.repository("code")
    made.git("submodule", "add", "-q", f"{server.url}/library/.git", "library")
    made.commit({"train.py": "1"})
    shutil.rmtree(library.folder)
    if gone == "commit":
        server.repository("library").commit({"module.py": "new"})

    found = refusal(order(f"{server.url}/code/.git", submodules=True), tmp_path)

    assert (found.reason, found.terminal) == ("SubmoduleFailed", True)
    assert "git.submodules: false" in str(found)
    assert {"repository": "not found", "commit": "not our ref"}[gone] in str(found)
    # It is the submodule that is at fault, and not what the job names.
    assert "another git.ref" not in str(found)
    assert "mend git.url" not in str(found)


@pytest.mark.parametrize("url", ["file:///etc", "ext::sh -c id", "/etc"])
def test_nothing_but_https_http_and_ssh_is_spoken(url: str, tmp_path: pathlib.Path) -> None:
    assert refusal(order(url), tmp_path).reason == "SourceNotAllowed"


def secret_of(tmp_path: pathlib.Path) -> pathlib.Path:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "username").write_text("me")
    (secret / "password").write_text("hunter2")
    return secret


def test_a_server_that_sends_us_on_leads_nobody_to_the_password(
    server: git_server.Server, private: git_server.Server, tmp_path: pathlib.Path
) -> None:
    private.repository("code").commit({"train.py": "1"})
    with git_server.serve(tmp_path / "moved", moved=private.url) as moved:
        git = order(f"{moved.url}/code/.git", secret="key")
        with pytest.raises(failing.BuildFailed, match="another address") as caught:
            fetch(git, tmp_path, secret_of(tmp_path))
    assert caught.value.reason == "SourceNotFound"
    assert private.asked == []


def test_a_server_is_believed_by_the_authority_of_the_secret_alone(
    tmp_path: pathlib.Path,
) -> None:
    with git_server.serve(tmp_path / "served", login=("me", "hunter2"), tls=True) as server:
        made = server.repository("code").commit({"train.py": "1"})
        secret = secret_of(tmp_path)
        git = order(f"{server.url}/code/.git", secret="key")

        caught = refusal(git, tmp_path / "unknown", secret)
        assert caught.reason == "SourceCertificateUnknown"
        assert "ca.crt" in str(caught)
        assert not any(server.asked)

        (secret / "ca.crt").write_text(server.authority)
        assert fetch(git, tmp_path / "known", secret)[1] == made


def test_a_submodule_elsewhere_is_not_given_the_password(
    private: git_server.Server, tmp_path: pathlib.Path
) -> None:
    with git_server.serve(tmp_path / "other", login=("me", "hunter2")) as other:
        other.repository("library").commit({"module.py": "m"})
        made = private.repository("code")
        link = other.url.replace("http://", "http://me:hunter2@")
        made.git("submodule", "add", "-q", f"{link}/library/.git", "library")
        made.git(
            "config", "-f", ".gitmodules", "submodule.library.url", f"{other.url}/library/.git"
        )
        made.commit({"train.py": "1"})
        other.asked.clear()

        git = order(f"{private.url}/code/.git", submodules=True, secret="key")
        with pytest.raises(failing.BuildFailed) as caught:
            fetch(git, tmp_path, secret_of(tmp_path))

        assert caught.value.reason == "SubmoduleFailed"
        assert other.asked
        assert not any(other.asked)


def test_a_folder_outside_of_the_repository_is_refused(
    server: git_server.Server, tmp_path: pathlib.Path
) -> None:
    made = server.repository("code")
    (made.folder / "out").symlink_to("/etc")
    (made.folder / "loop").symlink_to("loop")
    made.commit({"train.py": "1"})
    for path in ("out", "none", "train.py", "loop"):
        found = refusal(order(f"{server.url}/code/.git", path=path), tmp_path / path)
        assert found.reason == "SourcePathNotFound"
