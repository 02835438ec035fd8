"""What the bundled registry changes in pods and before them."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from tests import builders, facts
from tests.unit.kube import store as stores
from trainshed import config
from trainshed.api import labels, spec, status
from trainshed.builds import pods
from trainshed.core import creating, observe, observed
from trainshed.granting import asking, logins, signing
from trainshed.kube import errors, kinds, secrets
from trainshed.progress import certificates
from trainshed.registry import surroundings
from trainshed.runtime import admitting, bundled
from trainshed.runtime import cache as caches

OPERATOR = {"url": "https://operator", "ca": "PEM"}
BUNDLED = config.Settings(registry=config.Registry(bundled=config.Bundled(enabled=True)))


def pull_secrets(secret: str, **image: Any) -> list[dict[str, str]]:
    """Return what a training pod pulls by."""
    builder = builders.training_job().cnn()
    found = spec.TrainingJobSpec.model_validate({**builder.build()["spec"], "image": image})
    (manifest,) = creating.children(
        found,
        builder.view(),
        attempt=1,
        image=status.ImageStatus(ref=builders.IMAGE),
        settings=facts.settings(pull_secret=secret),
    )
    named: list[dict[str, str]] = manifest["spec"]["template"]["spec"].get("imagePullSecrets", [])
    return named


def test_training_pods_pull_by_the_namespaces_secret_too() -> None:
    assert pull_secrets("trainshed-registry") == [{"name": "trainshed-registry"}]
    own = pull_secrets("trainshed-registry", pullSecrets=[{"name": "own"}])
    assert own == [{"name": "own"}, {"name": "trainshed-registry"}]
    assert pull_secrets("") == []


def build_job(uid: str = "build-job", build: str = "b" * 32) -> observed.JobView:
    """Return the Job of a build, as the watch tells of it."""
    return observe.job(
        {
            "metadata": {
                "namespace": "team-a",
                "name": "build-x",
                "uid": uid,
                "labels": {labels.BUILD: build},
            }
        }
    )


def pod(owner: str = "build-job", build: str = "b" * 32, phase: str = "Running") -> Any:
    """Return a pod, as the watch tells of it."""
    marks = {labels.BUILD: build} if build else {labels.JOB: "digits"}
    return observe.pod(
        {
            "metadata": {
                "namespace": "team-a",
                "name": "pod",
                "uid": "pod-uid",
                "labels": marks,
                "ownerReferences": [{"controller": True, "uid": owner}],
            },
            "status": {"phase": phase},
        }
    )


@pytest.mark.parametrize(
    ("seen", "known"),
    [
        (pod(), True),
        (pod(phase="Pending"), True),
        (pod(phase="Succeeded"), False),
        (pod(owner="another-job"), False),
        (pod(build="c" * 32), False),
        (pod(build=""), False),
    ],
    ids=["running", "pending", "ended", "of another Job", "of another build", "that trains"],
)
def test_only_a_pod_of_a_builds_job_is_a_build_pod(seen: observed.PodView, known: bool) -> None:
    cache = caches.Cache()
    cache.put_workload(build_job())
    cache.put_pod(seen)

    assert (cache.builder(seen.uid) is not None) is known
    assert cache.builder(observed.Uid("unknown")) is None


async def _nothing() -> None:
    """Restart nothing."""


def registry(api: stores.Store) -> bundled.Bundled:
    """Return the bundled registry of a cluster."""
    signer = signing.Signer(certificates.create_authority(now=0), clock=lambda: 0.0)
    keeper = logins.Keeper(
        secrets.Secrets(api), signer, host="h", own_namespace="system", clock=lambda: 0.0
    )
    return bundled.Bundled(signer=signer, keeper=keeper, folder="x/ns", restart=_nothing)


async def test_a_namespace_is_forgotten_with_its_last_job() -> None:
    cache, api = caches.Cache(), stores.Store()
    found = registry(api)
    bundled.watched(found, cache)
    # What reaches the status at its pace has to forget the job too.
    told: list[observed.JobKey] = []
    cache.on_forget(told.append)
    first, last = (
        builders.training_job().cnn().named(name, uid=name).view() for name in ("first", "last")
    )
    cache.put_job(first)
    cache.put_job(last)
    await found.keeper.ensure(first.key.namespace)
    for view, written in ((first, 1), (last, 2)):
        cache.drop_job(view.key, view.uid)
        await found.keeper.ensure(view.key.namespace)
        assert len([each for each in api.requests if each == "create secrets"]) == written
    assert told == [first.key, last.key]


async def test_a_namespace_can_pull_before_its_first_job() -> None:
    api, order = stores.Store(), []

    async def prepare(namespace: str) -> None:
        order.append(namespace)
        assert not api.requests

    await admitting.Objects(api, prepare).create_job(
        {"metadata": {"namespace": "team-a", "name": "job"}}
    )

    assert order == ["team-a"]
    assert (kinds.JOBS, "team-a", "job") in api.objects


async def test_no_job_is_made_in_a_namespace_that_can_not_pull() -> None:
    api = stores.Store()

    async def prepare(namespace: str) -> None:
        raise errors.Forbidden("secrets is forbidden", status=403)

    with pytest.raises(errors.Forbidden, match="secrets is forbidden"):
        await admitting.Objects(api, prepare).create_job({"metadata": {"namespace": "team-a"}})
    assert not api.objects


def test_build_pods_are_told_where_to_ask_by_the_operators_own_authority() -> None:
    told = asking.for_pods(BUNDLED, namespace="system", ca_pem="PEM")
    given = surroundings.of(BUNDLED, operator=OPERATOR, tokens=told)("team-a")

    assert json.loads(given.settings)["tokens"] == {
        "url": "https://trainshed-progress.system.svc:8443/v1/registry/token",
        "service": "trainshed-registry",
        "ca": "PEM",
    }
    assert (given.tokens, given.pull_secret) == (True, labels.PULL_SECRET)


def test_with_another_registry_build_pods_are_told_nothing_of_tokens() -> None:
    told = asking.for_pods(config.Settings(), namespace="system", ca_pem="PEM")
    given = surroundings.of(config.Settings(), operator=OPERATOR, tokens=told)("team-a")

    assert told is None
    assert "tokens" not in json.loads(given.settings)
    assert given == dataclasses.replace(given, tokens=False, pull_secret="")
    assert isinstance(given, pods.Surroundings)


@pytest.mark.parametrize(
    "registry", [{"google": True}, {"prefix": "project/jobs-{namespace}"}], ids=["google", "prefix"]
)
async def test_it_goes_with_no_other_way_to_tell_namespaces_apart(registry: Any) -> None:
    of = config.Registry(bundled=config.Bundled(enabled=True), **registry)
    never: Any = None

    with pytest.raises(ValueError, match=r"registry\.bundled goes neither with"):
        await bundled.opened(
            config.Settings(registry=of), config.Identity(), free=never, budgeted=never
        )


def test_build_pods_are_told_of_googles_registry_where_it_is_the_clusters() -> None:
    def given(**registry: Any) -> pods.Surroundings:
        settings = config.Settings(
            registry=config.Registry(**registry),
            builder=config.Builder(service_account_name="trainshed-builder"),
        )
        return surroundings.of(settings, operator=OPERATOR)("team-a")

    on, off = given(google=True), given()

    assert json.loads(on.settings)["google"] is True
    assert on.service_account == "trainshed-builder"
    # Else an upgrade would give every pod another text.
    assert "google" not in json.loads(off.settings)
