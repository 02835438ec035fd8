"""The Job of a build pod: restricted, without a token, and the same for the same order."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from trainshed.api import labels
from trainshed.builds import orders, pods
from trainshed.builds import requirements as packages

GIVEN = pods.Surroundings(image="registry/builder", settings='{"push":"x"}', ca_pem="PEM")


def order(secret: str = "", **fields: Any) -> orders.Order:
    git = orders.Git("https://git.example/a.git", "main", ".", submodules=False, secret=secret)
    known = {
        "base": "registry/base",
        "git": git,
        "ignore": ("*.ckpt",),
        "max_bytes": 1 << 20,
        "entrypoint": ("python3", "train.py"),
        "source_entrypoint": ("python", "train.py"),
        "compression": "zstd",
    }
    return orders.Order(**{**known, **fields})


def rendered(secret: str = "", **secrets: Any) -> dict[str, Any]:
    given = pods.Secrets(**secrets)
    return pods.render(order(secret), namespace="ns", given=GIVEN, secrets=given)


def test_an_order_comes_back_as_it_went() -> None:
    assert orders.load(order("key").dump()) == order("key")


@pytest.mark.parametrize(
    "fields", [{"base": "other"}, {"ignore": ()}, {"max_bytes": 2}, {"compression": "gzip"}]
)
def test_whatever_changes_the_image_changes_the_hash(fields: dict[str, Any]) -> None:
    assert order(**fields).hash() != order().hash()


@pytest.mark.parametrize(
    ("ref", "pinned"),
    [("main", False), ("c" * 40, True), ("c" * 39, False), ("C" * 40, False), ("c" * 64, False)],
)
def test_only_a_full_commit_is_pinned(ref: str, pinned: bool) -> None:
    assert orders.Git("x", ref, ".", submodules=False, secret="").pinned is pinned


def test_a_build_pod_is_restricted_and_has_no_token() -> None:
    spec = rendered()["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_a_build_pod_has_the_serviceaccount_that_is_named_and_no_token_of_it() -> None:
    given = dataclasses.replace(GIVEN, service_account="trainshed-builder")
    spec = pods.render(order(), namespace="ns", given=given)["spec"]["template"]["spec"]

    assert spec["serviceAccountName"] == "trainshed-builder"
    assert spec["automountServiceAccountToken"] is False
    assert "serviceAccountName" not in rendered()["spec"]["template"]["spec"]


def test_secrets_are_mounted_where_they_are_named_and_nowhere_else() -> None:
    def mounted(job: dict[str, Any]) -> dict[str, str]:
        spec = job["spec"]["template"]["spec"]
        secrets = {each["name"]: each["secret"]["secretName"] for each in spec["volumes"]
                   if "secret" in each}  # fmt: skip
        mounts = spec["containers"][0]["volumeMounts"]
        return {each["mountPath"]: secrets[each["name"]] for each in mounts
                if each["name"] in secrets}  # fmt: skip

    assert mounted(rendered()) == {}
    both = {pods.GIT_SECRET: "key", pods.PUSH_SECRET: "push"}
    assert mounted(rendered("key", push="push")) == both


def test_a_build_pod_is_pulled_by_the_jobs_own_secrets() -> None:
    spec = rendered(pull=("one", "two"))["spec"]["template"]["spec"]
    assert spec["imagePullSecrets"] == [{"name": "one"}, {"name": "two"}]
    assert spec["terminationGracePeriodSeconds"] == 5


def test_jobs_of_other_secrets_share_no_build_but_their_images() -> None:
    plain, pushed = pods.shared(order(), pods.Secrets()), pods.shared(order(), pods.Secrets("a"))
    assert plain == order().hash() != pushed


def test_the_order_reaches_the_pod_as_a_file() -> None:
    job = rendered("key")
    template = job["spec"]["template"]
    assert orders.load(template["metadata"]["annotations"][labels.ORDER]) == order("key")
    assert template["metadata"]["labels"][labels.BUILD] == order("key").hash()
    items = template["spec"]["volumes"][0]["downwardAPI"]["items"]
    assert {each["path"] for each in items} == {"order.json", "settings.json", "ca.crt"}
    assert json.loads(template["metadata"]["annotations"][labels.SPEC]) == {"push": "x"}


def test_a_claim_is_mounted_read_only_and_as_a_volume_too() -> None:
    job = pods.render(order(git=None, claim=orders.Claim("code", "a")), namespace="ns", given=GIVEN)
    spec = job["spec"]["template"]["spec"]
    (volume,) = (each for each in spec["volumes"] if "persistentVolumeClaim" in each)
    # Else the kubelet would give all that is on it to the pod's group.
    assert volume["persistentVolumeClaim"] == {"claimName": "code", "readOnly": True}
    mounts = spec["containers"][0]["volumeMounts"]
    assert {"name": volume["name"], "mountPath": pods.CLAIM, "readOnly": True} in mounts


def test_the_secret_of_an_artifact_is_mounted_beside_that_of_the_push() -> None:
    wanted = order(git=None, oci=orders.Oci("r.example/code:1", "pull"))
    job = pods.render(wanted, namespace="ns", given=GIVEN, secrets=pods.Secrets("push"))
    volumes = job["spec"]["template"]["spec"]["volumes"]
    found = {each["name"]: each["secret"]["secretName"] for each in volumes if "secret" in each}
    assert found == {"oci": "pull", "push": "push"}


DIGEST = "sha256:" + "a" * 64
BASE = f"registry/base@{DIGEST}"


@pytest.mark.parametrize(
    ("fields", "pinned", "revision"),
    [
        ({"oci": orders.Oci("r.example/code:1", "")}, False, ""),
        ({"oci": orders.Oci(f"r.example/code@{DIGEST}", "")}, True, DIGEST),
        ({"oci": orders.Oci(f"r.example/code:1@{DIGEST}", "")}, True, DIGEST),
        ({"oci": orders.Oci("r.example/code@sha256:abc", "")}, False, ""),
        ({"claim": orders.Claim("code", ".")}, False, ""),
        ({"files": "x"}, True, ""),
        ({}, True, ""),
    ],
)
def test_only_what_is_named_by_its_content_is_pinned(
    fields: dict[str, Any], pinned: bool, revision: str
) -> None:
    wanted = order(git=None, base=BASE, **fields)
    assert (wanted.pinned, wanted.revision) == (pinned, revision)
    assert not order(git=None, base="registry/base:1", **fields).pinned


def tokens(spec: dict[str, Any]) -> dict[str, str]:
    """Return the audiences of a pod's tokens, by where they are mounted."""
    (container,) = spec["containers"]
    mounted = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    return {
        mounted[each["name"]]: source["serviceAccountToken"]["audience"]
        for each in spec["volumes"]
        if "projected" in each
        for source in each["projected"]["sources"]
    }


def test_a_build_pods_tokens_are_for_the_operator_and_the_bundled_registry_alone() -> None:
    given = dataclasses.replace(GIVEN, tokens=True, pull_secret="trainshed-registry")
    job = pods.render(order(), namespace="ns", given=given, secrets=pods.Secrets(pull=("own",)))
    spec = job["spec"]["template"]["spec"]
    assert tokens(spec) == {
        pods.OPERATOR_TOKEN: labels.BUILDS_AUDIENCE,
        pods.REGISTRY_TOKEN: labels.REGISTRY_AUDIENCE,
    }
    mounts = {each["name"]: each for each in spec["containers"][0]["volumeMounts"]}
    assert mounts["operator-token"]["readOnly"]
    assert mounts["registry-token"]["readOnly"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["imagePullSecrets"] == [{"name": "own"}, {"name": "trainshed-registry"}]


def test_without_the_bundled_registry_it_has_none_of_it() -> None:
    spec = rendered()["spec"]["template"]["spec"]

    assert tokens(spec) == {pods.OPERATOR_TOKEN: labels.BUILDS_AUDIENCE}
    assert spec["imagePullSecrets"] == []


def packaged(**wanted: Any) -> orders.Order:
    """Return a pinned order that asks for packages."""
    base = f"registry/base@sha256:{'a' * 64}"
    return order(base=base, git=None, requirements=packages.Requirements(**wanted))


def test_an_order_with_packages_comes_back_as_it_went() -> None:
    found = packaged(file="r.txt", packages=("a==1",), index="https://i.example", secret="key")
    assert orders.load(found.dump()) == found


@pytest.mark.parametrize(
    "wanted", [{"packages": ("a==2",)}, {"file": "r.txt"}, {"index": "x"}, {"constraints": "a<2"}]
)
def test_whatever_is_wanted_otherwise_is_another_order(wanted: dict[str, Any]) -> None:
    assert packaged(**wanted).hash() != packaged(packages=("a==1",)).hash()


@pytest.mark.parametrize(("package", "pinned"), [("a==1", True), ("a>=1", False)])
def test_an_order_is_as_pinned_as_its_packages(package: str, pinned: bool) -> None:
    assert packaged(packages=(package,)).pinned is pinned


def test_the_secret_of_an_index_is_mounted_in_the_build_pod() -> None:
    job = pods.render(packaged(packages=("a",), secret="key"), namespace="ns", given=GIVEN)
    spec = job["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    named = {each["name"]: each for each in spec["volumes"]}
    assert named["index"]["secret"]["secretName"] == "key"
    mount = next(each for each in container["volumeMounts"] if each["name"] == "index")
    assert mount == {"name": "index", "mountPath": pods.INDEX_SECRET, "readOnly": True}


def test_a_build_with_packages_has_disk_for_them() -> None:
    def disk(wanted: orders.Order) -> int:
        job = pods.render(wanted, namespace="ns", given=GIVEN)
        volumes = job["spec"]["template"]["spec"]["volumes"]
        return int(
            next(each for each in volumes if each["name"] == "work")["emptyDir"]["sizeLimit"]
        )

    assert disk(packaged(packages=("a",))) - disk(order()) == 2 * GIVEN.packages_bytes
