"""What the operator may do: the table below and nothing else."""

from collections.abc import Iterable, Mapping

import pytest
import yaml

from tests.charts import rendering
from trainshed import config
from trainshed.kube import preflight
from trainshed.runtime import bundled

Body = rendering.Body
Charts = Mapping[str, rendering.Rendered]
Rule = tuple[str, str, str, str]
"""Group, resource, name (empty for any), verbs."""

IN_JOB_NAMESPACES = {
    ("trainshed.dev", "trainingjobs", "", "get list watch"),
    ("trainshed.dev", "trainingjobs/status", "", "patch"),
    ("trainshed.dev", "trainingjobs/finalizers", "", "update"),
    ("batch", "jobs", "", "get list watch create delete"),
    ("", "pods", "", "get list watch"),
    ("", "services", "", "get create"),
    ("", "configmaps", "", "get"),
    ("", "events", "", "create patch list"),
}
FOR_PLACEMENT = {
    ("", "nodes", "", "get list watch"),
    ("trainshed.dev", "acceleratorclasses", "", "get list watch create update"),
    ("trainshed.dev", "acceleratorclasses/status", "", "patch"),
}
"""Nodes and classes are in no namespace: a role of a namespace can't grant them."""
FOR_CLAIMS = {("resource.k8s.io", "resourceclaimtemplates", "", "get create")}
"""Where there are classes, one of which may be of dynamic resource allocation."""
FOR_GANGS = {("scheduling.k8s.io", "podgroups", "", "get create")}
FOR_COSCHEDULING = {("scheduling.x-k8s.io", "podgroups", "", "get create")}
"""In place of the former, where `placement.gang.by` says so."""
OF_DOCKERFILES = {("", "namespaces", "", "get")}
"""Where an engine is named: the label of a job's namespace is read."""
OF_KUEUE = {("kueue.x-k8s.io", "workloads", "", "get list watch")}
"""Where `kueue.enabled` is set."""
IN_OWN_NAMESPACE = {
    ("coordination.k8s.io", "leases", "", "create"),
    ("coordination.k8s.io", "leases", "trainshed-operator", "get update"),
    ("", "secrets", "", "create"),
    ("", "secrets", "trainshed-progress-ca", "get update"),
    ("discovery.k8s.io", "endpointslices", "", "create"),
    ("discovery.k8s.io", "endpointslices", "trainshed-progress", "get update"),
}
FOR_REGISTRY_IN_JOB_NAMESPACES = {
    ("", "secrets", "", "create"),
    ("", "secrets", "trainshed-registry", "patch"),
}
FOR_REGISTRY = {
    ("", "secrets", "trainshed-registry-tokens", "get update"),
    ("", "secrets", "trainshed-registry-admin", "patch"),
    ("discovery.k8s.io", "endpointslices", "trainshed-registry-tokens", "get update"),
}
"""Only with the bundled registry."""
FOR_COLLECTION = {("apps", "deployments", "trainshed-registry", "patch")}
"""Only where its old images are let go."""
ROLES = ("Role", "ClusterRole")


def table(role: Body) -> set[Rule]:
    """Return a role as rows."""
    return {
        (group, resource, name, " ".join(rule["verbs"]))
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for name in rule.get("resourceNames") or ("",)
    }


def grants(rules: Iterable[Rule], permission: preflight.Permission) -> bool:
    """Whether rules allow what is asked, as the API server's authorizer decides it."""
    parts = (permission.kind.plural, permission.subresource)
    resource = "/".join(part for part in parts if part)
    return any(
        (group, plural) == (permission.kind.group, resource)
        and permission.verb in verbs.split()
        and only in ("", permission.name)
        for group, plural, only, verbs in rules
    )


def test_the_operator_serves_all_namespaces_by_a_cluster_role(charts: Charts) -> None:
    chart = charts["least"]

    assert table(chart.one("ClusterRole", "trainshed-jobs")) == (
        IN_JOB_NAMESPACES | FOR_CLAIMS | FOR_GANGS
    )
    assert table(chart.one("ClusterRole", "trainshed-places")) == FOR_PLACEMENT
    assert [each["metadata"]["name"] for each in chart.of("Role")] == ["trainshed-operator"]


def test_namespaces_are_read_where_an_engine_is_named(charts: Charts) -> None:
    found = table(charts["full"].one("ClusterRole", "trainshed-jobs"))

    assert found >= OF_DOCKERFILES


def test_pod_groups_are_made_of_the_kind_that_is_asked_for_alone(charts: Charts) -> None:
    found = table(charts["full"].one("ClusterRole", "trainshed-jobs"))

    assert found & (FOR_GANGS | FOR_COSCHEDULING) == FOR_COSCHEDULING


def test_kueues_workloads_are_read_where_that_is_asked_for(charts: Charts) -> None:
    assert table(charts["full"].one("ClusterRole", "trainshed-jobs")) >= OF_KUEUE

    asked = preflight.for_kueue()

    assert [str(each) for each in asked if not grants(OF_KUEUE, each)] == []


def test_named_namespaces_get_a_role_each_and_the_cluster_none(charts: Charts) -> None:
    chart = charts["namespaced"]
    jobs = [each for each in chart.of("Role") if each["metadata"]["name"] == "trainshed-jobs"]

    assert [each["metadata"]["namespace"] for each in jobs] == ["team-a", "team-b"]
    assert all(table(each) == IN_JOB_NAMESPACES | OF_DOCKERFILES for each in jobs)
    assert not any(each["kind"].startswith("Cluster") for each in chart.documents)


def test_the_bundled_registrys_secrets_are_written_and_never_read(charts: Charts) -> None:
    found = table(charts["bundled"].one("ClusterRole", "trainshed-jobs"))

    of_pods = FOR_CLAIMS | FOR_GANGS
    assert found == IN_JOB_NAMESPACES | of_pods | FOR_REGISTRY_IN_JOB_NAMESPACES


def test_what_it_owns_is_in_its_own_namespace(chart: rendering.Rendered) -> None:
    role = chart.one("Role", "trainshed-operator")
    registry = yaml.safe_load(chart.config)["registry"]["bundled"]
    besides = FOR_REGISTRY if registry["enabled"] else set()
    besides = besides | (FOR_COLLECTION if registry["gc"]["enabled"] else set())

    assert table(role) == IN_OWN_NAMESPACE | besides
    assert role["metadata"]["namespace"] == rendering.NAMESPACE


def test_no_role_has_a_wildcard(chart: rendering.Rendered) -> None:
    for role in (each for kind in ROLES for each in chart.of(kind)):
        assert not any("*" in cell for row in table(role) for cell in row)


def test_every_binding_is_of_a_role_that_exists(chart: rendering.Rendered) -> None:
    account = {
        "kind": "ServiceAccount",
        "name": chart.pod["spec"]["serviceAccountName"],
        "namespace": rendering.NAMESPACE,
    }
    for binding in (*chart.of("RoleBinding"), *chart.of("ClusterRoleBinding")):
        where = binding["metadata"].get("namespace")
        named = binding["roleRef"]
        roles = [
            each
            for each in chart.of(named["kind"])
            if each["metadata"]["name"] == named["name"]
            and each["metadata"].get("namespace") == where
        ]
        assert len(roles) == 1
        assert binding["subjects"] == [account]


@pytest.mark.parametrize("namespaces", [(), ("team-a",)])
def test_it_may_do_all_that_the_bundled_registry_asks_for(namespaces: tuple[str, ...]) -> None:
    chosen = config.Bundled(enabled=True, gc=config.Collection(enabled=True))
    registry = config.Registry(bundled=chosen)
    settings = config.Settings(registry=registry, namespaces=namespaces)
    identity = config.Identity(namespace=rendering.NAMESPACE)
    rules = {rendering.NAMESPACE: IN_OWN_NAMESPACE | FOR_REGISTRY | FOR_COLLECTION}
    asked = bundled.needed(settings, identity)
    elsewhere = FOR_REGISTRY_IN_JOB_NAMESPACES
    missing = [
        str(each) for each in asked if not grants(rules.get(each.namespace, elsewhere), each)
    ]

    assert asked
    assert missing == []


@pytest.mark.parametrize("makes", [False, True])
def test_it_may_do_all_that_placement_asks_for(makes: bool) -> None:
    asked = preflight.for_placement(makes=makes)

    assert [str(each) for each in asked if not grants(FOR_PLACEMENT, each)] == []


@pytest.mark.parametrize("gangs", ["none", "auto", "coscheduling"])
@pytest.mark.parametrize("besides", [False, True], ids=["the least", "all"])
@pytest.mark.parametrize("namespaces", [(), ("team-a",)])
def test_it_may_do_all_that_its_preflight_asks_for(
    namespaces: tuple[str, ...], besides: bool, gangs: str
) -> None:
    own = config.Settings()
    names = preflight.Names(
        lease=own.leader_election.name,
        secret=own.progress.ca_secret,
        endpoint_slice=own.progress.service,
    )
    rules = {rendering.NAMESPACE: IN_OWN_NAMESPACE}
    granted = IN_JOB_NAMESPACES | (OF_DOCKERFILES | FOR_CLAIMS if besides else set())
    granted |= {"none": set(), "auto": FOR_GANGS, "coscheduling": FOR_COSCHEDULING}[gangs]
    asked = preflight.needed(
        own_namespace=rendering.NAMESPACE,
        names=names,
        namespaces=namespaces,
        dockerfiles=besides,
        claims=besides,
        gangs=gangs,
    )
    missing = [str(each) for each in asked if not grants(rules.get(each.namespace, granted), each)]

    assert missing == []


def test_people_who_may_edit_a_namespace_may_train_in_it(charts: Charts) -> None:
    (view, edit) = (charts["least"].one("ClusterRole", f"trainshed-{n}") for n in ("view", "edit"))

    assert view["metadata"]["labels"]["rbac.authorization.k8s.io/aggregate-to-view"] == "true"
    assert edit["metadata"]["labels"]["rbac.authorization.k8s.io/aggregate-to-edit"] == "true"
    assert {resource for rule in edit["rules"] for resource in rule["resources"]} == {
        "trainingjobs"
    }
