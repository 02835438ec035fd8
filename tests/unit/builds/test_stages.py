"""The pod of a Dockerfile's build: which container may see and do what.

`TRAINSHED_GOLDEN=write pytest tests/unit/builds` writes the golden files anew.
"""

from __future__ import annotations

import json
import os
import pathlib
from typing import Any

import pytest
import yaml

from tests import facts
from trainshed.api import labels
from trainshed.builds import dockerfiles, orders, pods

FOLDER = pathlib.Path(__file__).parent / "golden"
BUILDAH = dockerfiles.Engine(
    dockerfiles.Kind.BUILDAH, "registry/buildah:1", "20Gi", {"limits": {"memory": "4Gi"}}
)
BUILDKIT = dockerfiles.Engine(
    dockerfiles.Kind.BUILDKIT, "moby/buildkit:rootless", "1Gi", host_users=False
)
ENGINES = {"buildah": BUILDAH, "buildkit": BUILDKIT}
ASKED = dockerfiles.Dockerfile("docker/Dockerfile", "train", (("A", "$(id)"), ("B", "two words")))


def order(**fields: Any) -> orders.Order:
    git = orders.Git("https://git.example/a.git", "main", ".", submodules=False, secret="key")
    return facts.pod_order(base="", git=git, dockerfile=ASKED, **fields)


def rendered(engine: dockerfiles.Engine, **fields: Any) -> dict[str, Any]:
    given = pods.Surroundings(
        image="registry/builder:1",
        settings="{}",
        engine=engine,
        pull_secret="shared",
        tokens=True,
    )
    secrets = pods.Secrets("push", ("one", "two"))
    return pods.render(order(**fields), namespace="ns", given=given, secrets=secrets)


def spec_of(engine: dockerfiles.Engine, **fields: Any) -> dict[str, Any]:
    job = json.loads(json.dumps(rendered(engine, **fields)))
    found: dict[str, Any] = job["spec"]["template"]["spec"]
    return found


def containers(engine: dockerfiles.Engine = BUILDAH) -> dict[str, Any]:
    spec = spec_of(engine)
    return {each["name"]: each for each in (*spec["initContainers"], *spec["containers"])}


def secrets_of(name: str) -> set[str]:
    """Return the Secrets that a container sees."""
    held = {
        each["name"]: each["secret"]["secretName"]
        for each in spec_of(BUILDAH)["volumes"]
        if "secret" in each
    }
    mounts = containers()[name]["volumeMounts"]
    return {held[each["name"]] for each in mounts if each["name"] in held}


@pytest.mark.parametrize("engine", ENGINES)
def test_the_pod_is_as_it_was(engine: str) -> None:
    path = FOLDER / f"dockerfile-{engine}.yaml"
    found = spec_of(ENGINES[engine])
    if os.environ.get("TRAINSHED_GOLDEN") == "write":
        path.write_text(yaml.safe_dump(found, sort_keys=False), encoding="utf-8")
    assert found == yaml.safe_load(path.read_text(encoding="utf-8"))


def test_each_secret_is_seen_by_the_step_that_needs_it_and_by_no_other() -> None:
    assert secrets_of(labels.FETCHER) == {"key", "one", "two", "shared"}
    assert secrets_of(labels.ENGINE) == set()
    assert secrets_of(labels.BUILDER) == {"push"}


def holders(volume: str, **source: Any) -> list[str]:
    """Return the containers that have a volume, with the code from this source."""
    given = pods.Surroundings(image="b", settings="{}", engine=BUILDAH, tokens=True)
    asked = facts.pod_order(base="", dockerfile=ASKED, **source)
    spec = pods.render(asked, namespace="ns", given=given)["spec"]["template"]["spec"]
    return [
        each["name"]
        for each in (*spec["initContainers"], *spec["containers"])
        if any(mount["name"] == volume for mount in each["volumeMounts"])
    ]


def test_the_registrys_token_is_with_those_of_ours_that_call_it() -> None:
    assert holders("registry-token") == [labels.BUILDER]
    artifact = orders.Oci(ref="registry/code:1", secret="")
    assert holders("registry-token", oci=artifact) == [labels.FETCHER, labels.BUILDER]


def test_only_the_last_step_can_tell_the_operator_of_an_image() -> None:
    assert holders("operator-token") == [labels.BUILDER]


def test_only_the_first_step_sees_a_claim() -> None:
    assert holders("claim", claim=orders.Claim(name="code", path=".")) == [labels.FETCHER]


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
def test_only_the_engine_may_do_more_than_restricted_pods(engine: dockerfiles.Engine) -> None:
    found = containers(engine)
    ours = {found[name]["securityContext"]["allowPrivilegeEscalation"] for name in
            (labels.FETCHER, labels.BUILDER)}  # fmt: skip
    assert ours == {False}
    may = found[labels.ENGINE]["securityContext"]
    assert may["capabilities"] == {"drop": ["ALL"], "add": ["SETGID", "SETUID"]}
    assert may["runAsUser"] == 1000
    assert "privileged" not in may


def test_the_engine_can_change_nothing_that_the_last_step_believes() -> None:
    writes = [each["mountPath"] for each in containers()[labels.ENGINE]["volumeMounts"]
              if not each.get("readOnly")]  # fmt: skip
    assert writes == ["/tmp", dockerfiles.IMAGE]
    # What lies in /tmp is none that ours write to, or read: a pipe there would never end.
    held = {name: {each["name"] for each in found["volumeMounts"] if not each.get("readOnly")}
            for name, found in containers().items()}  # fmt: skip
    assert held[labels.ENGINE] & held[labels.BUILDER] == {"image"}
    assert held[labels.ENGINE].isdisjoint(held[labels.FETCHER])


def test_no_variable_of_the_container_is_put_into_a_users_words() -> None:
    assert "--build-arg=A=$$(id)" in containers()[labels.ENGINE]["args"]


def test_a_user_namespace_is_asked_for_where_the_settings_say_so() -> None:
    assert "hostUsers" not in spec_of(BUILDAH)
    assert spec_of(BUILDKIT)["hostUsers"] is False


def test_the_steps_run_on_a_node_of_the_images_platform() -> None:
    spec = spec_of(BUILDAH, platforms=("linux/arm64",))
    assert spec["nodeSelector"]["kubernetes.io/arch"] == "arm64"


def test_an_order_with_a_dockerfile_comes_back_as_it_went_and_is_never_pinned() -> None:
    pinned = order(files="x")
    assert orders.load(pinned.dump()) == pinned
    assert not facts.pod_order(base="a@sha256:b", dockerfile=ASKED).pinned
    assert facts.pod_order(base="a@sha256:b").pinned
