"""What kind, docker and kubectl are told."""

import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import yaml

from hack.cluster import console, errors, settings
from hack.cluster.providers import base, kind, kind_manifests
from tests.unit.hack import cluster_fakes


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
    run = cluster_fakes.Commands(
        {"kind get clusters": "other\nprobe\n", "docker container inspect": "running\n"}
    )
    kind.Kind(cluster, run=run).up(base.Options(), shown=shown)
    assert not any("create cluster" in line or "docker run" in line for line in run.ran)


def test_kind_s_registry_that_a_reboot_stopped_is_started(
    cluster: settings.Settings, shown: console.Console
) -> None:
    run = cluster_fakes.Commands(
        {"kind get clusters": "probe", "docker container inspect": "exited\n"}
    )
    kind.Kind(cluster, run=run).up(base.Options(), shown=shown)
    assert "docker start probe-registry" in run.ran
    assert "docker start probe-control-plane" in run.ran


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
    run = Rebooted({"kind get clusters": "probe", "docker container inspect": "running"})
    kind.Kind(cluster, run=run).up(base.Options(), shown=shown)
    asked = [at for at, line in enumerate(run.ran) if "--raw=/readyz" in line]
    assert len(asked) == 3
    assert run.index("docker start probe-control-plane") < asked[0]
    assert asked[-1] < run.index("apply -f -")


def test_kind_s_kubeconfig_that_is_gone_is_written_again(
    cluster: settings.Settings, shown: console.Console
) -> None:
    answers = {"kind get clusters": "probe", "docker container inspect": "running"}
    export = f"kind export kubeconfig --name probe --kubeconfig {cluster.kubeconfig}"
    gone = cluster_fakes.Commands(answers)
    kind.Kind(cluster, run=gone).up(base.Options(), shown=shown)
    assert gone.index("docker start probe-control-plane") < gone.index(export)
    assert gone.index(export) < gone.index("/readyz")
    cluster.kubeconfig.touch()
    there = cluster_fakes.Commands(answers)
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
        registries=pathlib.Path("/s/registries"), prometheus_port=9091
    )
    (node,) = config["nodes"]
    assert 'config_path = "/etc/containerd/certs.d"' in config["containerdConfigPatches"][0]
    assert node["extraMounts"][0]["hostPath"] == "/s/registries"
    assert node["extraPortMappings"] == [
        {"containerPort": 30090, "hostPort": 9091, "listenAddress": "127.0.0.1"}
    ]


def test_kind_s_nodes_reach_the_registry_by_its_name(
    cluster: settings.Settings, shown: console.Console
) -> None:
    run = cluster_fakes.Commands(
        {"kind get clusters": "probe", "docker container inspect": "running"}
    )
    made = kind.Kind(cluster, run=run)
    made.up(base.Options(), shown=shown)
    assert (cluster.registry_hosts / "probe-registry:5000" / "hosts.toml").exists()
    assert made.info().registry.pull == "probe-registry:5000"
    assert made.info().registry.host.startswith("http://127.0.0.1:")
