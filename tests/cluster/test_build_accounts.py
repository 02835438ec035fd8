"""Build pods under an account of their own, as the API server and its controllers take them."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import pathlib
from collections.abc import Callable
from typing import Any

import yaml

from tests import facts
from tests.cluster import conftest
from trainshed.api import labels
from trainshed.builds import pods
from trainshed.core import podbuilds

GIVEN = pods.Surroundings(image="registry.example/builder:1", settings="{}", service_account="one")
FOLDER = pathlib.Path(__file__).resolve().parents[2] / "examples" / "gke"
Body = dict[str, Any]


def begin(namespace: conftest.Namespace, account: str) -> str:
    """Create a build's Job; return its name."""
    given = dataclasses.replace(GIVEN, service_account=account)
    manifest = pods.render(facts.pod_order(), namespace=namespace.name, given=given)
    # Its pods are not to run: that they are made, or why they are not, is all that is asked.
    template = json.loads(json.dumps(manifest["spec"]["template"]))
    template["spec"]["nodeSelector"] = {"example.com/nowhere": "true"}
    manifest["spec"]["template"] = template
    return str(namespace.api.create(namespace.workloads, manifest)["metadata"]["name"])


def first(namespace: conftest.Namespace, kind: str, wanted: Callable[[Body], bool]) -> Body:
    """Return the first object of the namespace that is as wanted, within a minute."""
    path = f"/api/v1/namespaces/{namespace.name}/{kind}"
    with contextlib.closing(namespace.api.watch(path, timeoutSeconds="60")) as told:
        return next(each for each, _ in told if wanted(each))


def test_the_pod_is_the_account_that_is_named_and_has_no_token_of_the_api_server(
    namespace: conftest.Namespace,
) -> None:
    documents = yaml.safe_load_all((FOLDER / "namespace.yaml").read_text(encoding="utf-8"))
    (account,) = (each for each in documents if each["kind"] == "ServiceAccount")
    account["metadata"].pop("namespace")
    name = account["metadata"]["name"]
    namespace.api.create(f"/api/v1/namespaces/{namespace.name}/serviceaccounts", account)
    job = begin(namespace, name)

    pod = first(namespace, "pods", lambda each: each["metadata"]["name"].startswith(f"{job}-"))

    assert pod["spec"]["serviceAccountName"] == name
    assert pod["metadata"]["labels"][labels.COMPONENT] == labels.BUILDER
    audiences = [
        source["serviceAccountToken"]["audience"]
        for volume in pod["spec"]["volumes"]
        for source in volume.get("projected", {}).get("sources", ())
        if "serviceAccountToken" in source
    ]
    assert audiences == [labels.BUILDS_AUDIENCE], "none that opens the API server"


def test_an_account_that_is_not_there_is_named_to_whoever_waits(
    namespace: conftest.Namespace,
) -> None:
    job = begin(namespace, "trainshed-builder")

    event = first(
        namespace,
        "events",
        lambda each: each["involvedObject"]["name"] == job and each["reason"] == "FailedCreate",
    )

    said = podbuilds.waits(f"build Job {job} has no pod: {event['reason']}: {event['message']}")
    assert 'serviceaccount "trainshed-builder" not found' in said.message
    assert "create or mend what it names" in said.message
