"""Fetches one commit of a git repository, by git itself, with nothing of it run."""

from __future__ import annotations

import logging
import os
import pathlib
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from urllib import parse

from trainshed.api import reasons
from trainshed.buildpod import failing, refusals
from trainshed.builds import orders

BuildReason = reasons.BuildReason
log = logging.getLogger("trainshed.buildpod")

_SAFE = (
    ("protocol.allow", "never"),
    ("protocol.https.allow", "always"),
    ("protocol.ssh.allow", "always"),
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("advice.detachedHead", "false"),
    # Whoever the server sends us on to is not whom the Secret is for.
    ("http.followRedirects", "false"),
    ("credential.helper", ""),
)
"""A repository must neither run anything here nor reach a file of the pod."""
_HELPER = """#!/bin/sh
test "$1" = get || exit 0
printf 'username=%s\\npassword=%s\\n' "$(cat {secret}/username)" "$(cat {secret}/password)"
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
        home = folder / "home"
        home.mkdir(parents=True)
        self._environment = _environment(git, home, secret)
        self._options = _options(git, home, secret)

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
                BuildReason.SUBMODULE_FAILED,
                f"a submodule can't be cloned: {error}; or set git.submodules: false",
                terminal=error.terminal,
            ) from error

    def _folder(self) -> pathlib.Path:
        try:
            folder = (self._tree / self._git.path).resolve()
        except (OSError, RuntimeError):  # a link to itself
            folder = pathlib.Path("/")
        if not folder.is_relative_to(self._tree.resolve()) or not folder.is_dir():
            raise failing.BuildFailed(
                BuildReason.SOURCE_PATH_NOT_FOUND,
                f"the repository has no folder {self._git.path!a} at {self._git.ref}: create the"
                " job anew with git.path set to one that it has",
            )
        return folder

    def _run(self, *arguments: str) -> str:
        command = ["git", *self._options, "-C", str(self._tree), *arguments]
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
                BuildReason.SOURCE_UNREACHABLE,
                f"git {arguments[0]} took more than {self._seconds:.0f} s: it is tried again; see"
                " that the git server answers",
                terminal=False,
            ) from None
        if done.returncode != 0:
            log.info("git %s:\n%s", arguments[0], done.stderr[-8000:].rstrip())
            of_submodule = arguments[0] == "submodule"
            raise refusals.of(done.stderr, self._git, submodule=of_submodule)
        return done.stdout


def _options(git: orders.Git, home: pathlib.Path, secret: pathlib.Path) -> Sequence[str]:
    settings = [*_SAFE]
    if git.url.startswith("http://"):
        settings.append(("protocol.http.allow", "always"))
    if git.secret and (secret / "password").exists():
        settings.append((f"credential.{_origin(git.url)}.helper", str(_helper(home, secret))))
    return [part for name, value in settings for part in ("-c", f"{name}={value}")]


def _origin(url: str) -> str:
    """Return scheme, host and port: a submodule elsewhere is not given the password."""
    parts = parse.urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _helper(home: pathlib.Path, secret: pathlib.Path) -> pathlib.Path:
    """Write the program that git asks for the credentials, so that no argument holds them."""
    program = home / "credentials"
    program.write_text(_HELPER.format(secret=shlex.quote(str(secret))), encoding="utf-8")
    program.chmod(0o700)
    return program


def _environment(git: orders.Git, home: pathlib.Path, secret: pathlib.Path) -> Mapping[str, str]:
    """Return git's environment: no settings but ours."""
    found = {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_SSH_COMMAND": _ssh(home, secret if git.secret else None),
        "LC_ALL": "C",
    }
    if "SSL_CERT_FILE" in os.environ:
        found["GIT_SSL_CAINFO"] = os.environ["SSL_CERT_FILE"]
    if git.secret and (secret / "ca.crt").exists():
        found["GIT_SSL_CAINFO"] = str(secret / "ca.crt")
    return found


def _ssh(home: pathlib.Path, secret: pathlib.Path | None) -> str:
    """Return the ssh command: the host must be known by the Secret, and no key is guessed.

    A submodule on another host is offered the key only where the Secret names that host too.
    """
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
