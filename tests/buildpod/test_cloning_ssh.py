"""One commit of a repository, from a real ssh server on loopback."""

from __future__ import annotations

import pathlib
import shutil
from collections.abc import Iterator

import pytest

from tests import git_server, ssh_server
from trainshed.buildpod import cloning, failing
from trainshed.builds import orders

pytestmark = pytest.mark.skipif(
    shutil.which("ssh") is None, reason="no ssh here: `apt-get install openssh-client` has it"
)


@pytest.fixture
def code(tmp_path: pathlib.Path) -> git_server.Repository:
    folder = tmp_path / "served/code"
    folder.mkdir(parents=True)
    found = git_server.Repository(folder)
    found.git("init", "-q")
    return found


@pytest.fixture
def server(tmp_path: pathlib.Path) -> Iterator[ssh_server.Server]:
    with ssh_server.serve(tmp_path / "served") as found:
        yield found


def fetch(
    server: ssh_server.Server, tmp_path: pathlib.Path, *, key: str, known_hosts: str
) -> tuple[pathlib.Path, str]:
    secret = tmp_path / "secret"
    secret.mkdir()
    # As the kubelet mounts it: its group may read it, which ssh itself would refuse.
    (secret / "ssh-privatekey").write_text(key)
    (secret / "ssh-privatekey").chmod(0o440)
    (secret / "known_hosts").write_text(known_hosts)
    git = orders.Git(f"{server.url}/code/.git", "main", ".", submodules=False, secret="key")
    return cloning.Repository(git, folder=tmp_path / "work", secret=secret, seconds=30).fetch()


def test_the_secrets_key_opens_the_server_that_it_names(
    code: git_server.Repository, server: ssh_server.Server, tmp_path: pathlib.Path
) -> None:
    commit = code.commit({"train.py": "1"})
    folder, found = fetch(server, tmp_path, key=server.private_key, known_hosts=server.known_hosts)
    assert found == commit
    assert (folder / "train.py").read_text() == "1"


def test_a_server_with_another_key_is_not_spoken_to(
    code: git_server.Repository, server: ssh_server.Server, tmp_path: pathlib.Path
) -> None:
    code.commit({"train.py": "1"})
    host = server.known_hosts.partition(" ")[0]
    other = f"{host} {ssh_server.public(ssh_server.a_key())}\n"
    with pytest.raises(failing.BuildFailed, match="known_hosts") as caught:
        fetch(server, tmp_path, key=server.private_key, known_hosts=other)
    assert caught.value.reason == "SourceHostKeyUnknown"


def test_a_server_that_the_secret_does_not_name_is_not_spoken_to(
    code: git_server.Repository, server: ssh_server.Server, tmp_path: pathlib.Path
) -> None:
    code.commit({"train.py": "1"})
    with pytest.raises(failing.BuildFailed, match="known_hosts") as caught:
        fetch(server, tmp_path, key=server.private_key, known_hosts="")
    assert caught.value.reason == "SourceHostKeyUnknown"


def test_another_key_opens_nothing_and_is_in_no_message(
    code: git_server.Repository, server: ssh_server.Server, tmp_path: pathlib.Path
) -> None:
    code.commit({"train.py": "1"})
    other = ssh_server.a_key().export_private_key().decode()
    with pytest.raises(failing.BuildFailed, match="Secret key") as caught:
        fetch(server, tmp_path, key=other, known_hosts=server.known_hosts)
    assert caught.value.reason == "SourceUnauthorized"
    assert other.splitlines()[1] not in str(caught.value)
