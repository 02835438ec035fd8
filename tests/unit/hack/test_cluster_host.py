"""What the host cluster's components are given."""

import base64
import pathlib
import re
import tomllib

import pytest
import yaml

from hack.cluster import processes, programs, settings
from hack.cluster.host import addons, certificates, controlplane, kubeconfigs, node, plan


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> plan.Plan:
    cluster = settings.Settings("probe", tmp_path_factory.mktemp("s"), pathlib.Path("/cache"))
    certificates.ensure(cluster.pki)
    ports = {name: want.port for name, want in plan.WANTED.items()}
    found = {name: pathlib.Path("/bin") / name for name in programs.PROGRAMS}
    return plan.Plan(cluster=cluster, programs=found, ports=ports)


def components(planned: plan.Plan) -> list[processes.Component]:
    makers = (
        controlplane.etcd,
        controlplane.apiserver,
        controlplane.controller_manager,
        controlplane.scheduler,
        node.containerd,
        node.kubelet,
        node.proxy,
        addons.dns,
        addons.registry,
        addons.discovery,
        addons.prometheus_server,
    )
    return [make(planned) for make in makers]


def test_nothing_listens_on_every_address(planned: plan.Plan) -> None:
    for component in components(planned):
        texts = [*component.argv, *(path.read_text("utf-8") for path in component.inputs)]
        for text in texts:
            assert "0.0.0.0" not in text, component.name
            assert not re.search(r"(listen|bind)-address=:", text), component.name


def test_a_second_rendering_changes_no_component(planned: plan.Plan) -> None:
    first = [component.digest() for component in components(planned)]
    assert [component.digest() for component in components(planned)] == first


def test_every_component_has_a_name_of_its_own(planned: plan.Plan) -> None:
    names = [component.name for component in components(planned)]
    assert len(set(names)) == len(names)


def test_every_port_that_is_wanted_belongs_to_a_component(planned: plan.Plan) -> None:
    names = {component.name for component in components(planned)} | {"kwok"}
    assert {want.component for want in plan.WANTED.values()} <= names


def test_pods_reach_the_api_server_at_the_bridge(planned: plan.Plan) -> None:
    argv = controlplane.apiserver(planned).argv
    assert f"--advertise-address={settings.GATEWAY}" in argv
    assert f"--bind-address={settings.GATEWAY}" in argv
    assert "--service-account-issuer=https://kubernetes.default.svc.cluster.local" in argv


def test_the_controllers_do_not_hide_the_speed_of_an_operator(planned: plan.Plan) -> None:
    for make in (controlplane.controller_manager, controlplane.scheduler):
        assert {"--kube-api-qps=500", "--kube-api-burst=1000"} <= set(make(planned).argv)


def test_a_person_reaches_the_api_server_by_loopback(planned: plan.Plan) -> None:
    document = yaml.safe_load(kubeconfigs.person(planned).read_text("utf-8"))
    assert document["clusters"][0]["cluster"]["server"] == "https://127.0.0.1:6443"
    assert document["current-context"] == "probe"


def test_a_kubeconfig_is_whole_and_for_its_owner_alone(planned: plan.Plan) -> None:
    path = kubeconfigs.component(planned, "scheduler")
    document = yaml.safe_load(path.read_text("utf-8"))
    user = document["users"][0]["user"]
    certificate = (planned.cluster.pki / "scheduler.crt").read_bytes()
    assert base64.b64decode(user["client-certificate-data"]) == certificate
    assert document["clusters"][0]["cluster"]["server"] == "https://10.244.0.1:6443"
    assert path.stat().st_mode & 0o077 == 0


def test_containerd_keeps_to_its_own_folders(planned: plan.Plan) -> None:
    config = tomllib.loads(node.containerd_config(planned.cluster))
    state = str(planned.cluster.state)
    cri = config["plugins"]["io.containerd.grpc.v1.cri"]
    runc = cri["containerd"]["runtimes"]["runc"]["options"]
    opt = config["plugins"]["io.containerd.internal.v1.opt"]["path"]
    for path in (config["root"], config["state"], config["grpc"]["address"], runc["Root"], opt):
        assert path.startswith(f"{state}/")
    assert cri["netns_mounts_under_state_dir"] is True
    assert cri["restrict_oom_score_adj"] is True
    assert cri["sandbox_image"] == settings.PAUSE_IMAGE


def test_the_kubelet_pulls_from_the_registry_over_plain_http(planned: plan.Plan) -> None:
    node.containerd(planned)
    hosts = planned.cluster.registry_hosts / settings.REGISTRY / "hosts.toml"
    assert tomllib.loads(hosts.read_text("utf-8"))["server"] == f"http://{settings.REGISTRY}"


def test_the_kubelet_pulls_from_an_extra_registry_over_tls(planned: plan.Plan) -> None:
    authority = pathlib.Path("/ca.pem")
    node.trust_registry(planned.cluster, host="10.244.0.1:5443", authority=authority)
    hosts = planned.cluster.registry_hosts / "10.244.0.1:5443" / "hosts.toml"
    host = tomllib.loads(hosts.read_text("utf-8"))["host"]["https://10.244.0.1:5443"]
    assert host["ca"] == "/ca.pem"


def test_the_kubelet_runs_where_it_may_not_tune_the_machine(planned: plan.Plan) -> None:
    config = node.kubelet_config(planned)
    assert config["featureGates"] == {"KubeletInUserNamespace": True}
    assert config["failCgroupV1"] is False
    assert config["serializeImagePulls"] is False
    assert config["cgroupRoot"] == "/probe"
    assert config["clusterDNS"] == [settings.DNS_SERVICE]


def test_pods_get_their_addresses_on_the_cluster_s_own_bridge(planned: plan.Plan) -> None:
    (plugin,) = node.cni_config(planned.cluster)["plugins"]
    assert plugin["bridge"] == "probe0"
    assert plugin["ipam"]["ranges"][0][0]["gateway"] == settings.GATEWAY


def test_kube_proxy_leaves_read_only_kernel_limits_alone(planned: plan.Plan) -> None:
    conntrack = node.proxy_config(planned)["conntrack"]
    assert conntrack == {
        "maxPerCore": 0,
        "tcpEstablishedTimeout": "0s",
        "tcpCloseWaitTimeout": "0s",
    }


def test_the_registry_deletes_and_caches_no_blobs(planned: plan.Plan) -> None:
    (path,) = addons.registry(planned).inputs
    config = yaml.safe_load(path.read_text("utf-8"))
    assert config["http"]["addr"] == "10.244.0.1:5000"
    assert config["storage"]["delete"] == {"enabled": True}
    assert "cache" not in config["storage"]


def test_dns_serves_the_cluster_s_names_on_the_bridge() -> None:
    text = addons.corefile(kubeconfig="/k", ready=8181)
    assert "bind 10.244.0.1" in text
    assert "kubernetes cluster.local in-addr.arpa" in text
    assert "ready 127.0.0.1:8181" in text
