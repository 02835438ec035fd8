"""Who may do what in the bundled registry."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainshed.granting import rights

FOLDER = "trainshed/ns"
BUILDER = rights.Account(rights.Role.BUILDER, "team-a")
PULLER = rights.Account(rights.Role.PULLER, "team-a")
ADMINISTRATOR = rights.Account(rights.Role.ADMINISTRATOR)
OWN, OTHERS, BASE = "trainshed/ns/team-a", "trainshed/ns/team-b", "trainshed/pytorch"


def granted(account: rights.Account, *scopes: str) -> dict[str, set[str]]:
    """Return the actions that an account gets, by repository."""
    found = rights.access(account, scopes, folder=FOLDER)
    return {each["name"]: set(each["actions"]) for each in found}


def test_a_build_pod_pushes_to_its_namespace_and_reads_bases() -> None:
    asked = (f"repository:{OWN}:pull,push", f"repository:{BASE}:pull,push")

    assert granted(BUILDER, *asked) == {OWN: {"pull", "push"}, BASE: {"pull"}}


def test_a_node_pulls_what_its_namespace_has_and_bases() -> None:
    asked = (f"repository:{OWN}:pull,push", f"repository:{BASE}:pull")

    assert granted(PULLER, *asked) == {OWN: {"pull"}, BASE: {"pull"}}


def test_an_administrator_pushes_bases_and_reads_no_namespace() -> None:
    asked = (f"repository:{OWN}:pull,push", f"repository:{BASE}:pull,push")

    assert granted(ADMINISTRATOR, *asked) == {BASE: {"pull", "push"}}


def test_what_lies_below_a_namespaces_repository_is_its_own() -> None:
    assert granted(BUILDER, f"repository:{OWN}/deps:push") == {f"{OWN}/deps": {"push"}}


def test_scopes_may_come_in_one_parameter() -> None:
    asked = f"repository:{OWN}:push repository:{BASE}:pull"

    assert granted(BUILDER, asked) == {OWN: {"push"}, BASE: {"pull"}}


@pytest.mark.parametrize("account", [BUILDER, PULLER, ADMINISTRATOR])
@pytest.mark.parametrize(
    "scope",
    [
        f"repository:{OTHERS}:pull,push",
        f"repository:{OTHERS}:*",
        f"repository:{OWN}:*",
        f"repository:{OWN}:delete",
        "registry:catalog:*",
        "repository:*:pull",
        "repository::pull",
        f"repository(plugin):{OWN}:pull",
        f"repository:{FOLDER}:pull,push",
        "repository:trainshed:push",
        f"repository:{FOLDER}/../ns/team-b:pull",
        f"repository:{OWN}/../team-b:pull",
        f"repository:{FOLDER}//team-b:pull",
        f"repository:{OWN.upper()}:pull",
        f"repository:{OWN}:pull:push",
        f"repository:{OWN}\n:pull",
        f"repository:{FOLDER}/team-a-other:pull",
        f"repository:{FOLDER}/team:pull",
        "",
        ":::",
    ],
)
def test_nobody_gets(account: rights.Account, scope: str) -> None:
    assert granted(account, scope) == {}


def test_no_more_than_some_scopes_are_heeded() -> None:
    asked = [f"repository:base{number}:pull" for number in range(100)]

    assert len(rights.access(BUILDER, asked, folder=FOLDER)) == rights.MOST_SCOPES


NAMES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
PARTS = st.lists(
    st.sampled_from(["trainshed", "ns", "team-a", "team-b", "..", "", "x"]), max_size=6
)
ACTIONS = st.lists(st.sampled_from(["pull", "push", "delete", "*"]), min_size=1, max_size=4)


@given(role=st.sampled_from(rights.Role), namespace=NAMES, parts=PARTS, actions=ACTIONS)
def test_no_account_ever_reads_another_namespace_or_deletes(
    role: rights.Role, namespace: str, parts: list[str], actions: list[str]
) -> None:
    account = rights.Account(role, "" if role is rights.Role.ADMINISTRATOR else namespace)
    found = granted(account, f"repository:{'/'.join(parts)}:{','.join(actions)}")

    for name, got in found.items():
        assert got <= {"pull", "push"}
        if name.startswith(f"{FOLDER}/"):
            assert name.split("/")[2] == account.namespace
        elif role is not rights.Role.ADMINISTRATOR:
            assert got == {"pull"}
