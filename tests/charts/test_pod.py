"""The operator's pod: restricted, read-only, found and configured."""

import copy
from collections.abc import Callable, Mapping

import pytest

from tests.charts import rendering, restricted

Body = rendering.Body
Charts = Mapping[str, rendering.Rendered]


def container(pod: Body) -> Body:
    """Return the operator's container."""
    (only,) = pod["spec"]["containers"]
    found: Body = only
    return found


def test_the_pod_passes_the_restricted_profile(chart: rendering.Rendered) -> None:
    assert restricted.violations(chart.pod["spec"]) == []


@pytest.mark.parametrize(
    ("spoil", "violation"),
    {
        "the host's network": (lambda spec: spec.update(hostNetwork=True), "hostNetwork"),
        "a folder of the host": (
            lambda spec: spec["volumes"].append({"name": "h", "hostPath": {"path": "/"}}),
            "volume h",
        ),
        "root by number": (
            lambda spec: spec["securityContext"].update(runAsUser=0),
            "operator: runs as root",
        ),
        "root unless the image says else": (
            lambda spec: spec["securityContext"].pop("runAsNonRoot"),
            "operator: runs as root",
        ),
        "no seccomp": (
            lambda spec: spec["securityContext"].pop("seccompProfile"),
            "operator: seccompProfile",
        ),
        "a privileged container": (
            lambda spec: spec["containers"][0]["securityContext"].update(privileged=True),
            "operator: privileged",
        ),
        "escalation by default": (
            lambda spec: spec["containers"][0]["securityContext"].pop("allowPrivilegeEscalation"),
            "operator: allowPrivilegeEscalation",
        ),
        "every capability": (
            lambda spec: spec["containers"][0]["securityContext"].pop("capabilities"),
            "operator: keeps capabilities",
        ),
        "one capability more": (
            lambda spec: spec["containers"][0]["securityContext"]["capabilities"].update(
                add=["SYS_ADMIN"]
            ),
            "operator: adds capabilities",
        ),
        "a port of the host": (
            lambda spec: spec["containers"][0]["ports"][0].update(hostPort=8080),
            "operator: hostPort",
        ),
        "a dangerous sysctl": (
            lambda spec: spec["securityContext"].update(sysctls=[{"name": "kernel.msgmax"}]),
            "sysctl kernel.msgmax",
        ),
    }.values(),
)
def test_the_check_finds_what_the_profile_forbids(
    charts: Charts, spoil: Callable[[Body], object], violation: str
) -> None:
    spec = copy.deepcopy(charts["least"].pod["spec"])
    spoil(spec)

    assert restricted.violations(spec) == [violation]


def test_nothing_but_tmp_can_be_written(chart: rendering.Rendered) -> None:
    operator = container(chart.pod)
    writable = [each["mountPath"] for each in operator["volumeMounts"] if not each.get("readOnly")]

    assert operator["securityContext"]["readOnlyRootFilesystem"] is True
    assert writable == ["/tmp"]


def test_every_mount_has_its_volume(chart: rendering.Rendered) -> None:
    mounted = {each["name"] for each in container(chart.pod)["volumeMounts"]}

    assert mounted == {each["name"] for each in chart.pod["spec"]["volumes"]}


def test_services_find_the_pods(chart: rendering.Rendered) -> None:
    service = chart.one("Service", "trainshed-operator")
    names = {each["name"] for each in container(chart.pod)["ports"]}

    assert service["spec"]["selector"].items() <= chart.pod["metadata"]["labels"].items()
    assert {each["targetPort"] for each in service["spec"]["ports"]} <= names
    assert "selector" not in chart.one("Service", "trainshed-progress")["spec"]


def test_the_operator_never_takes_its_own_pod_for_a_trainer(charts: Charts) -> None:
    """Even if `podLabels` asks for it: the operator watches managed-by=trainshed."""
    assert charts["full"].pod["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "Helm"
    assert charts["full"].pod["metadata"]["labels"]["team"] == "ml"


def test_an_operator_that_waits_for_the_api_server_is_not_restarted(
    chart: rendering.Rendered,
) -> None:
    """/readyz waits for the first listing, so it may be no reason to end the process."""
    probes = {key: body for key, body in container(chart.pod).items() if key.endswith("Probe")}

    assert {key: body["httpGet"]["path"] for key, body in probes.items()} == {
        "readinessProbe": "/readyz",
        "livenessProbe": "/healthz",
    }


def test_a_change_of_the_settings_rolls_the_pods(helm: rendering.Helm) -> None:
    def checksum(workers: int) -> str:
        values = {"registry": {"pull": "registry.example.com"}, "workers": workers}
        found = helm.render(values).pod["metadata"]["annotations"]["checksum/config"]
        return str(found)

    assert checksum(8) == checksum(8) != checksum(9)


def test_an_upgrade_never_lacks_an_operator(chart: rendering.Rendered) -> None:
    spec = chart.one("Deployment", "trainshed-operator")["spec"]

    assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}


def test_a_second_replica_brings_a_disruption_budget(charts: Charts) -> None:
    assert charts["least"].of("PodDisruptionBudget") == []
    (budget,) = charts["full"].of("PodDisruptionBudget")
    labels = charts["full"].pod["metadata"]["labels"]
    assert budget["spec"]["selector"]["matchLabels"].items() <= labels.items()


def test_two_replicas_rather_not_share_a_node(charts: Charts) -> None:
    affinity = charts["least"].pod["spec"]["affinity"]["podAntiAffinity"]
    (term,) = affinity["preferredDuringSchedulingIgnoredDuringExecution"]

    assert term["podAffinityTerm"]["topologyKey"] == "kubernetes.io/hostname"
    assert "podAntiAffinity" not in charts["full"].pod["spec"]["affinity"]


def test_the_network_policy_lets_trainers_push(charts: Charts) -> None:
    assert charts["least"].of("NetworkPolicy") == []
    (policy,) = charts["full"].of("NetworkPolicy")
    push, *_others = policy["spec"]["ingress"]
    labels = charts["full"].pod["metadata"]["labels"]

    assert push["ports"] == [{"port": "https"}]
    assert push["from"][0]["podSelector"]["matchLabels"] == {
        "app.kubernetes.io/managed-by": "trainshed"
    }
    assert policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
