"""What kind, docker and kubectl are told."""

import json
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import yaml

from hack.cluster import console, devices, documents, errors, settings
from hack.cluster.providers import base, kind, kind_manifests
from tests.unit.hack import cluster_fakes

NODES = "probe-control-plane\nprobe-worker\nprobe-worker2\nprobe-worker3\n"
UP = {
    "kind get clusters": "other\nprobe\n",
    "kind get nodes": NODES,
    "docker container inspect": "running\n",
}
HERE = pathlib.Path(__file__).parent


def test_kind_needs_its_programs(cluster: settings.Settings, on_path: Callable[..., None]) -> None:
    on_path("docker", "kubectl")
    assert (
        kind.Kind(cluster, run=cluster_fakes.Commands()).unavailable() == "kind is not on the PATH"
    )


def test_kind_needs_a_docker_that_runs_privileged_containers(
    cluster: settings.Settings, on_path: Callable[..., None]
) -> None:
    on_path("docker", "kubectl", "kind")
    refused = cluster_fakes.Commands(
        {"docker run": errors.CommandFailed("operation not permitted")}
    )
    assert kind.Kind(cluster, run=refused).unavailable() == "operation not permitted"
    allowed = cluster_fakes.Commands()
    assert kind.Kind(cluster, run=allowed).unavailable() is None
    assert f"docker run --rm --privileged --entrypoint=true {kind.NODE_IMAGE}" in allowed.ran


def test_kind_needs_its_node_image_and_takes_the_one_that_is_there(
    cluster: settings.Settings, on_path: Callable[..., None]
) -> None:
    on_path("docker", "kubectl", "kind")
    there = cluster_fakes.Commands()
    assert kind.Kind(cluster, run=there).unavailable() is None
    assert not any(line.startswith("docker pull") for line in there.ran)
    missing = {"docker image inspect": errors.CommandFailed("no such image")}
    pulled = cluster_fakes.Commands(missing)
    assert kind.Kind(cluster, run=pulled).unavailable() is None
    assert f"docker pull --quiet {kind.NODE_IMAGE}" in pulled.ran
    offline = {**missing, "docker pull": errors.CommandFailed("no route to host")}
    assert kind.Kind(cluster, run=cluster_fakes.Commands(offline)).unavailable() == (
        "no route to host"
    )


def test_kind_is_created_once_with_its_registry_and_prometheus(
    cluster: settings.Settings, shown: console.Console
) -> None:
    missing = errors.CommandFailed("no such container")
    run = cluster_fakes.Commands({"docker container inspect": missing})
    kind.Kind(cluster, run=run).up(base.Options(), shown=shown)
    create = run.ran[run.index("kind create cluster")]
    assert f"--name probe --config {cluster.config / 'kind.yaml'}" in create
    assert f"--kubeconfig {cluster.kubeconfig}" in create
    assert create.endswith(f"--image {kind.NODE_IMAGE}")
    registry = run.ran[run.index("docker run --detach")]
    assert "--name probe-registry --network kind --publish 127.0.0.1:" in registry
    assert run.index("kind create") < run.index("docker run") < run.index("apply -f -")
    objects = list(yaml.safe_load_all(run.inputs[run.index("apply -f -")]))
    assert objects == kind_manifests.prometheus_objects()


def test_kind_that_is_up_is_not_created_again(
    cluster: settings.Settings, shown: console.Console
) -> None:
    run = cluster_fakes.Commands(UP)
    kind.Kind(cluster, run=run).up(base.Options(), shown=shown)
    assert not any(
        part in line
        for line in run.ran
        for part in ("create cluster", "docker run", "docker start")
    )


def test_what_a_reboot_stopped_is_started(
    cluster: settings.Settings, shown: console.Console
) -> None:
    heard = {"type": "Ready", "status": "True", "lastHeartbeatTime": "2999-01-01T00:00:00Z"}
    run = cluster_fakes.Commands(
        {
            **UP,
            "docker container inspect": "exited\n",
            "kubectl --kubeconfig": json.dumps({"status": {"conditions": [heard]}}),
        }
    )
    kind.Kind(cluster, run=run).up(base.Options(), shown=shown)
    assert "docker start probe-registry" in run.ran
    assert f"docker start {' '.join(NODES.split())}" in run.ran
    # A kubelet that starts sets the devices to 0: they are given once it has reported.
    assert run.index("get node probe-worker3") < run.index("patch node")


class Rebooted(cluster_fakes.Commands):
    """A machine whose API server answers from the third question on."""

    def __call__(self, argv: Sequence[str], **given: Any) -> str:
        said = super().__call__(argv, **given)
        if "--raw=/readyz" in argv and sum("/readyz" in line for line in self.ran) < 3:
            raise errors.CommandFailed("`kubectl get` ended with code 1\n  connection refused")
        return said


def test_kind_s_api_server_is_waited_for_before_it_is_used(
    cluster: settings.Settings, shown: console.Console
) -> None:
    run = Rebooted(UP)
    kind.Kind(cluster, run=run).up(base.Options(), shown=shown)
    asked = [at for at, line in enumerate(run.ran) if "--raw=/readyz" in line]
    assert len(asked) == 3
    assert asked[-1] < run.index("patch node") < run.index("apply -f -")


def test_kind_s_kubeconfig_that_is_gone_is_written_again(
    cluster: settings.Settings, shown: console.Console
) -> None:
    export = f"kind export kubeconfig --name probe --kubeconfig {cluster.kubeconfig}"
    gone = cluster_fakes.Commands(UP)
    kind.Kind(cluster, run=gone).up(base.Options(), shown=shown)
    assert gone.index(export) < gone.index("/readyz")
    cluster.kubeconfig.touch()
    there = cluster_fakes.Commands(UP)
    kind.Kind(cluster, run=there).up(base.Options(), shown=shown)
    assert export not in there.ran


def test_kind_goes_with_its_registry_and_its_folder_and_names_what_stays(
    cluster: settings.Settings, shown: console.Console
) -> None:
    run = cluster_fakes.Commands()
    left = kind.Kind(cluster, run=run).down(shown=shown)
    assert run.ran[:2] == [
        "kind delete cluster --name probe",
        "docker rm --force --volumes probe-registry",
    ]
    assert not any("network rm" in line for line in run.ran)
    assert not cluster.state.exists()
    assert [each.partition(",")[0] for each in left] == [
        "the images that docker has pulled for it",
        "docker's network kind",
    ]


def test_kind_without_a_network_does_not_name_one(
    cluster: settings.Settings, shown: console.Console
) -> None:
    run = cluster_fakes.Commands({"docker network inspect": errors.CommandFailed("none")})
    assert len(kind.Kind(cluster, run=run).down(shown=shown)) == 1


def test_kind_s_nodes_read_our_registries_and_publish_prometheus_on_loopback() -> None:
    config = kind_manifests.cluster_config(
        registries=pathlib.Path("/s/registries"), prometheus_port=9091, machines=devices.MACHINES
    )
    assert 'config_path = "/etc/containerd/certs.d"' in config["containerdConfigPatches"][0]
    for node in config["nodes"]:
        assert node["extraMounts"][0]["hostPath"] == "/s/registries"
    assert config["nodes"][0]["extraPortMappings"] == [
        {"containerPort": 30090, "hostPort": 9091, "listenAddress": "127.0.0.1"}
    ]


def test_kind_s_nodes_reach_the_registry_by_its_name(
    cluster: settings.Settings, shown: console.Console
) -> None:
    run = cluster_fakes.Commands(UP)
    made = kind.Kind(cluster, run=run)
    made.up(base.Options(), shown=shown)
    assert (cluster.registry_hosts / "probe-registry:5000" / "hosts.toml").exists()
    assert made.info().registry.pull == "probe-registry:5000"
    assert made.info().registry.host.startswith("http://127.0.0.1:")


def test_kind_s_configuration_is_as_it_was_tried_with_kind_itself() -> None:
    config = kind_manifests.cluster_config(
        registries=pathlib.Path("/s/registries"), prometheus_port=9091, machines=devices.MACHINES
    )
    golden = yaml.safe_load((HERE / "golden" / "kind.yaml").read_text("utf-8"))
    assert yaml.safe_load(documents.dump(config)) == golden


def test_kind_s_workers_are_given_their_devices_at_each_up(
    cluster: settings.Settings, shown: console.Console
) -> None:
    created = cluster_fakes.Commands({**UP, "kind get clusters": "other"})
    again = cluster_fakes.Commands(UP)
    for run in (created, again):
        kind.Kind(cluster, run=run).up(base.Options(), shown=shown)
        given = [line for line in run.ran if "patch node" in line]
        assert [line.partition(" patch ")[2] for line in given] == [
            "node probe-worker --subresource=status --type=merge --patch="
            '{"status": {"capacity": {"nvidia.com/gpu": "4"}, '
            '"allocatable": {"nvidia.com/gpu": "4"}}}',
            "node probe-worker2 --subresource=status --type=merge --patch="
            '{"status": {"capacity": {"nvidia.com/gpu": "8"}, '
            '"allocatable": {"nvidia.com/gpu": "8"}}}',
            "node probe-worker3 --subresource=status --type=merge --patch="
            '{"status": {"capacity": {"amd.com/xilinx_u50_gen3x16_xdma_201920_3-0": "2"}, '
            '"allocatable": {"amd.com/xilinx_u50_gen3x16_xdma_201920_3-0": "2"}}}',
        ]
        assert run.index("/readyz") < run.index("patch node")
    assert created.index("kind create cluster") < created.index("patch node")


def test_kind_without_devices_is_one_node_that_takes_every_pod(
    cluster: settings.Settings, shown: console.Console
) -> None:
    run = cluster_fakes.Commands(
        {**UP, "kind get clusters": "", "kind get nodes": "probe-control-plane"}
    )
    kind.Kind(cluster, run=run).up(base.Options(devices=False), shown=shown)
    (node,) = yaml.safe_load((cluster.config / "kind.yaml").read_text("utf-8"))["nodes"]
    assert node["role"] == "control-plane"
    assert yaml.safe_load(node["kubeadmConfigPatches"][0])["nodeRegistration"] == {"taints": []}
    assert not any("patch node" in line for line in run.ran)


@pytest.mark.parametrize(
    ("names", "asked", "advice"),
    [
        (NODES, False, "`up --no-devices`"),
        ("probe-control-plane", True, "`up --devices`"),
        (NODES, True, None),
        (NODES, None, None),
        ("probe-control-plane", None, None),
    ],
    ids=["has them", "has none", "has them already", "has them, unasked", "has none, unasked"],
)
def test_kind_s_nodes_come_with_the_cluster_alone(
    cluster: settings.Settings, names: str, asked: bool | None, advice: str | None
) -> None:
    made = kind.Kind(cluster, run=cluster_fakes.Commands({**UP, "kind get nodes": names}))
    if advice is None:
        made.check(base.Options(devices=asked))
        return
    with pytest.raises(errors.ClusterError, match="run `down`, then") as refused:
        made.check(base.Options(devices=asked))
    assert advice in str(refused.value)
