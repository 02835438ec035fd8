"""Fetches one commit of a git repository, by git itself, with nothing of it run."""

from __future__ import annotations

import os
import pathlib
import subprocess
from collections.abc import Mapping, Sequence

from trainshed.buildpod import failing, refusals
from trainshed.builds import orders

_SAFE = (
    ("protocol.allow", "never"),
    ("protocol.https.allow", "always"),
    ("protocol.http.allow", "always"),
    ("protocol.ssh.allow", "always"),
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("advice.detachedHead", "false"),
    ("http.followRedirects", "initial"),
)
"""A repository must neither run anything here nor reach a file of the pod."""
_ASK = """#!/bin/sh
case "$1" in
Username*) cat "$TRAINSHED_GIT_SECRET/username" ;;
*) cat "$TRAINSHED_GIT_SECRET/password" ;;
esac
"""


class Repository:
    """A clone that is being made in a folder."""

    def __init__(
        self, git: orders.Git, *, folder: pathlib.Path, secret: pathlib.Path, seconds: float
    ) -> None:
        """`secret`: where the credentials are mounted. `seconds`: each call of git may take."""
        self._git = git
        self._tree = folder / "tree"
        self._seconds = seconds
        self._environment = _environment(git, folder, secret)

    def fetch(self) -> tuple[pathlib.Path, str]:
        """Return the folder of the code and the commit; raises BuildFailed."""
        self._tree.mkdir(parents=True)
        self._run("init", "--quiet")
        self._run(
            "fetch", "--quiet", "--depth", "1", "--no-tags", "--", self._git.url, self._git.ref
        )
        commit = self._run("rev-parse", "FETCH_HEAD^{commit}").strip()
        self._run("checkout", "--quiet", "--detach", commit)
        if self._git.submodules:
            self._submodules()
        return self._folder(), commit

    def _submodules(self) -> None:
        try:
            self._run("remote", "add", "origin", "--", self._git.url)
            self._run("submodule", "--quiet", "update", "--init", "--recursive", "--depth", "1")
        except failing.BuildFailed as error:
            raise failing.BuildFailed(
                "SubmoduleFailed",
                f"a submodule can't be cloned: {error}; or set git.submodules: false",
                terminal=error.terminal,
            ) from error

    def _folder(self) -> pathlib.Path:
        folder = (self._tree / self._git.path).resolve()
        if not folder.is_relative_to(self._tree.resolve()) or not folder.is_dir():
            raise failing.BuildFailed(
                "SourcePathNotFound",
                f"the repository has no folder {self._git.path!a} at {self._git.ref}: create the"
                " job anew with git.path set to one that it has",
            )
        return folder

    def _run(self, *arguments: str) -> str:
        command = ["git", *_options(), "-C", str(self._tree), *arguments]
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                check=False,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                text=True,
                errors="replace",
                timeout=self._seconds,
            )
        except subprocess.TimeoutExpired:
            raise failing.BuildFailed(
                "SourceUnreachable",
                f"git {arguments[0]} took more than {self._seconds:.0f} s: it is tried again; see"
                " that the git server answers",
                terminal=False,
            ) from None
        if done.returncode != 0:
            raise refusals.of(done.stderr, self._git)
        return done.stdout


def _options() -> Sequence[str]:
    return [part for name, value in _SAFE for part in ("-c", f"{name}={value}")]


def _environment(git: orders.Git, folder: pathlib.Path, secret: pathlib.Path) -> Mapping[str, str]:
    """Return git's environment: no settings but ours, and credentials only by file."""
    home = folder / "home"
    home.mkdir(parents=True)
    found = {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_SSH_COMMAND": _ssh(home, secret if git.secret else None),
        "LC_ALL": "C",
    }
    for name in ("SSL_CERT_FILE", "GIT_SSL_CAINFO"):
        if name in os.environ:
            found["GIT_SSL_CAINFO"] = os.environ[name]
    if git.secret and (secret / "ca.crt").exists():
        found["GIT_SSL_CAINFO"] = str(secret / "ca.crt")
    if git.secret and (secret / "password").exists():
        ask = home / "ask"
        ask.write_text(_ASK, encoding="utf-8")
        ask.chmod(0o700)
        found |= {"GIT_ASKPASS": str(ask), "TRAINSHED_GIT_SECRET": str(secret)}
    return found


def _ssh(home: pathlib.Path, secret: pathlib.Path | None) -> str:
    """Return the ssh command: the host must be known by the Secret, and no key is guessed."""
    parts = ["ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"]
    parts += ["-o", "GlobalKnownHostsFile=none", "-o", "ConnectTimeout=10"]
    parts += ["-o", "IdentityAgent=none", "-o", "IdentitiesOnly=yes"]
    hosts = secret / "known_hosts" if secret else home / "known_hosts"
    parts += ["-o", f"UserKnownHostsFile={hosts}"]
    given = secret / "ssh-privatekey" if secret else None
    if given is not None and given.exists():
        # A mounted key may be read by the pod's group, which ssh refuses.
        key = home / "key"
        key.touch(mode=0o600)
        key.write_text(given.read_text(encoding="utf-8").rstrip("\n") + "\n", encoding="utf-8")
        parts += ["-i", str(key)]
    return " ".join(parts)
