"""Git's words become a reason, and a sentence that says what to do."""

from __future__ import annotations

import pytest

from trainshed.buildpod import refusals
from trainshed.builds import orders


def git(secret: str = "") -> orders.Git:
    return orders.Git("https://git.example/a.git", "main", ".", submodules=False, secret=secret)


@pytest.mark.parametrize(
    ("said", "reason", "terminal", "advice"),
    [
        ("fatal: couldn't find remote ref main", "SourceRefNotFound", True, "push main"),
        ("error: Server does not allow request for unadvertised object", "SourceRefNotFound", True,
         "another git.ref"),
        ("fatal: could not read Username for 'https://git.example': terminal prompts disabled",
         "SourceUnauthorized", True, "git.secretRef"),
        ("remote: Invalid credentials\nfatal: Authentication failed for 'https://git.example/'",
         "SourceUnauthorized", True, "git.secretRef"),
        ("git@git.example: Permission denied (publickey).\nfatal: Could not read from remote"
         " repository.", "SourceUnauthorized", True, "git.secretRef"),
        ("Host key verification failed.\nfatal: Could not read from remote repository.",
         "SourceHostKeyUnknown", True, "known_hosts"),
        ("fatal: repository 'https://git.example/a.git/' not found", "SourceNotFound", True,
         "mend git.url"),
        ("fatal: unable to access 'https://git.example/': Could not resolve host: git.example",
         "SourceUnreachable", False, "tried again"),
        ("fatal: unable to access 'https://git.example/': Failed to connect to git.example port",
         "SourceUnreachable", False, "network policies"),
        ("fatal: unable to access 'https://git.example/': server certificate verification failed."
         " CAfile: none", "SourceCertificateUnknown", True, "ca.crt"),
        ("fatal: transport 'file' not allowed", "SourceNotAllowed", True, "submodule"),
        ("fatal: write error: No space left on device\nfatal: early EOF", "BuildNodeFull", False,
         "disk to spare"),
        ("fatal: unable to access 'x': The requested URL returned error: 302", "SourceNotFound",
         True, "another address"),
        ("fatal: unable to access 'x': The requested URL returned error: 403",
         "SourceUnauthorized", False, "tried again"),
        ("fatal: something that nobody foresaw", "SourceUnreadable", False, "tried again"),
    ],
)  # fmt: skip
def test_each_way_to_fail_has_a_reason(said: str, reason: str, terminal: bool, advice: str) -> None:
    found = refusals.of(said, git())
    assert (found.reason, found.terminal) == (reason, terminal)
    assert advice in str(found)


def test_a_secret_that_is_named_is_the_one_to_look_at() -> None:
    found = refusals.of("fatal: Authentication failed for 'https://git.example/'", git("key"))
    assert "Secret key" in str(found)


def test_what_a_server_says_is_cut_and_printable() -> None:
    found = refusals.of("remote: \x1b[31m" + "x" * 5000, git())
    assert len(str(found)) < 700
    assert "\x1b" not in str(found)
