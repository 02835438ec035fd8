"""The bundled registry: what it runs with, who reaches it, and what it is never given."""

from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from tests.charts import cases, rendering, restricted
from trainshed import config
from trainshed.granting import asking, desk, signing

Charts = Mapping[str, rendering.Rendered]
NAME = "trainshed-registry"


def settings(chart: rendering.Rendered) -> dict[str, Any]:
    """Return the registry's own settings file."""
    text = chart.one("ConfigMap", NAME)["data"]["config.yml"]
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def pod(chart: rendering.Rendered) -> dict[str, Any]:
    """Return the registry's pod."""
    found: dict[str, Any] = chart.one("Deployment", NAME)["spec"]["template"]["spec"]
    return found


def test_it_is_left_out_unless_it_is_asked_for(charts: Charts) -> None:
    names = {each["metadata"]["name"] for each in charts["least"].documents}

    assert not {each for each in names if "registry" in each}


def test_it_says_that_no_blob_is_there_once_it_is_collected(charts: Charts) -> None:
    storage = settings(charts["bundled"])["storage"]

    assert "cache" not in storage
    assert storage["delete"] == {"enabled": True}


def test_it_takes_what_the_operator_signs_and_nothing_else(charts: Charts) -> None:
    auth = settings(charts["bundled"])["auth"]

    assert list(auth) == ["token"]
    assert auth["token"]["service"] == signing.SERVICE
    assert auth["token"]["issuer"] == signing.ISSUER
    assert auth["token"]["realm"] == f"http://localhost:30501{desk.PATH}"
    full = settings(charts["full"])["auth"]["token"]["realm"]
    assert full == f"https://tokens.example.com{desk.PATH}"


def test_it_has_the_certificate_and_not_the_key(charts: Charts) -> None:
    (volume,) = (each for each in pod(charts["bundled"])["volumes"] if each["name"] == "settings")
    (secret,) = (each["secret"] for each in volume["projected"]["sources"] if "secret" in each)

    assert secret["name"] == config.Bundled().key_secret
    assert secret["items"] == [{"key": "tls.crt", "path": "tokens/tls.crt"}]


def test_its_pod_is_restricted_and_alone_on_its_store(charts: Charts) -> None:
    deployment = charts["bundled"].one("Deployment", NAME)["spec"]

    assert restricted.violations(pod(charts["bundled"])) == []
    assert pod(charts["bundled"])["automountServiceAccountToken"] is False
    assert (deployment["replicas"], deployment["strategy"]) == (1, {"type": "Recreate"})


def test_what_was_let_go_is_collected_before_it_serves(charts: Charts) -> None:
    (collect,) = pod(charts["full"])["initContainers"]

    assert "registry garbage-collect /etc/trainshed/config.yml" in collect["command"][2]
    assert restricted.violations(pod(charts["full"])) == []
    # It takes the manifests of indexes for untagged ones.
    assert "untagged" not in collect["command"][2]
    assert "initContainers" not in pod(charts["bundled"])


def test_the_operator_and_build_pods_reach_it_by_its_service(charts: Charts) -> None:
    push = yaml.safe_load(charts["bundled"].config)["registry"]["push"]
    (port,) = charts["bundled"].one("Service", NAME)["spec"]["ports"]

    assert push == f"http://{NAME}.{rendering.NAMESPACE}.svc:{port['port']}"
    assert port["nodePort"] == port["port"]


def test_the_leader_writes_where_the_token_service_is(charts: Charts) -> None:
    service = charts["bundled"].one("Service", config.Bundled().service)

    assert "selector" not in service["spec"]
    assert service["spec"]["ports"] == [{"name": "http", "port": 30501, "nodePort": 30501}]


def test_build_pods_ask_the_operator_by_tls(charts: Charts) -> None:
    own = config.Settings(registry=config.Registry(bundled=config.Bundled(enabled=True)))
    found = asking.for_pods(own, namespace="trainshed-system", ca_pem="PEM")
    service = charts["bundled"].one("Service", own.progress.service)

    assert found is not None
    assert found["url"].startswith(f"https://{service['metadata']['name']}.")


def test_images_outlive_the_chart(charts: Charts, helm: rendering.Helm) -> None:
    claim = charts["bundled"].one("PersistentVolumeClaim", NAME)
    over = {"registry": {"bundled": {"storage": {"claimName": "mine"}}}}
    given = helm.render(rendering.merged(cases.BUNDLED, over))

    assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert given.of("PersistentVolumeClaim") == []


def test_the_operators_image_must_come_from_elsewhere(helm: rendering.Helm) -> None:
    with pytest.raises(rendering.HelmRefused, match=r"image\.ref is needed with registry\.bundled"):
        helm.render({**cases.BUNDLED, "image": {"ref": ""}})


def test_images_on_a_nodes_disk_are_not_let_go_by_a_restart_that_loses_them_all(
    helm: rendering.Helm,
) -> None:
    disk = {"storage": {"size": ""}, "gc": {"enabled": True}}
    given = rendering.merged(cases.BUNDLED, {"registry": {"bundled": disk}})
    with pytest.raises(rendering.HelmRefused, match=r"needs registry\.bundled\.storage\.size or"):
        helm.render(given)
    for mended in ({"storage": {"claimName": "mine"}}, {"gc": {"enabled": False}}):
        helm.render(rendering.merged(given, {"registry": {"bundled": mended}}))


def test_nodes_reach_the_token_service_where_a_policy_closes_the_rest(charts: Charts) -> None:
    (policy,) = charts["full"].of("NetworkPolicy")
    ports = {port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]}

    assert ports == {"https", "tokens", "metrics"}


def test_build_pods_reach_what_is_named_and_nothing_reaches_them(charts: Charts) -> None:
    policies = charts["namespaced"].of("NetworkPolicy")

    assert [each["metadata"]["namespace"] for each in policies] == ["team-a", "team-b"]
    for policy in policies:
        spec = policy["spec"]
        assert spec["policyTypes"] == ["Ingress", "Egress"]
        assert "ingress" not in spec
        dns, operator, given = spec["egress"]
        assert {each["port"] for each in dns["ports"]} == {53}
        assert {each["port"] for each in operator["ports"]} == {8443}
        assert given["to"] == [{"ipBlock": {"cidr": "192.0.2.0/24"}}]
        assert spec["podSelector"]["matchLabels"]["trainshed.dev/component"] == "builder"


def test_build_pods_reach_the_bundled_registry_and_its_tokens(helm: rendering.Helm) -> None:
    on = {"namespaces": ["team-a"], "builder": {"networkPolicy": {"enabled": True}}}
    (policy,) = helm.render({**cases.BUNDLED, **on}).of("NetworkPolicy")
    rules = policy["spec"]["egress"]
    ports = [port["port"] for rule in rules for port in rule["ports"]]

    assert ports == [53, 53, 8443, 5000]
    components = [
        each["to"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
        for each in rules[1:]
    ]
    assert components == ["operator", "registry"]


def test_build_pods_reach_gkes_metadata_server_where_its_tokens_are_used(
    charts: Charts, helm: rendering.Helm
) -> None:
    def reached(chart: rendering.Rendered) -> set[tuple[str, int]]:
        return {
            (to["ipBlock"]["cidr"], port["port"])
            for policy in chart.of("NetworkPolicy")
            for rule in policy["spec"]["egress"]
            for to in rule.get("to", ())
            for port in rule["ports"]
            if "ipBlock" in to
        }

    off = {"registry": {"credentials": {"google": False}}}
    others = reached(helm.render(rendering.merged(cases.STANDARD, off)))

    metadata = {("169.254.169.254/32", 80), ("169.254.169.252/32", 988)}
    assert reached(charts["gke"]) - others == metadata
    assert not reached(charts["namespaced"]) & metadata


@pytest.mark.parametrize(
    ("registry", "told"),
    [
        ({"pull": "registry.example.com"}, "needs registry.pull to be a registry of Google's"),
        ({"push": "http://europe-west4-docker.pkg.dev"}, "needs registry.pull to be a registry"),
        ({"push": "https://us-docker.pkg.dev.example.com"}, "needs registry.pull to be a registry"),
        ({"bundled": {"enabled": True}}, "set it or registry.bundled.enabled, not both"),
    ],
)
def test_googles_tokens_are_for_no_other_registry(
    helm: rendering.Helm, registry: Any, told: str
) -> None:
    with pytest.raises(rendering.HelmRefused, match=told):
        helm.render(rendering.merged(cases.STANDARD, {"registry": registry}))


def test_a_policy_that_would_close_everything_is_refused(helm: rendering.Helm) -> None:
    on = {"builder": {"networkPolicy": {"enabled": True}}}
    with pytest.raises(rendering.HelmRefused, match="needs namespaces"):
        helm.render({**cases.LEAST, **on})
    with pytest.raises(rendering.HelmRefused, match="would reach neither"):
        helm.render({**cases.LEAST, **on, "namespaces": ["team-a"]})
