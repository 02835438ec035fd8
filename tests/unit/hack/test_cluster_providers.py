"""Which provider is chosen, and what kind and kubectl are told."""

import json
import pathlib
from collections.abc import Callable, Mapping, Sequence

import pytest
import rich.console
import yaml

from hack.cluster import console, errors, settings
from hack.cluster.providers import base, choice, existing, kind, kind_manifests

KUBECONFIG = {
    "clusters": [{"cluster": {"server": "https://127.0.0.1:40001"}}],
    "users": [{"user": {}}],
}


class Commands:
    """Plays the machine's programs: answers by the beginning of a command line."""

    def __init__(self, answers: Mapping[str, str | Exception] | None = None) -> None:
        self.answers = dict(answers or {})
        self.ran: list[str] = []
        self.inputs: list[str] = []

    def __call__(
        self,
        argv: Sequence[str],
        *,
        text: str | None = None,
        environment: Mapping[str, str] | None = None,
        seconds: float | None = None,
    ) -> str:
        line = " ".join(argv)
        self.ran.append(line)
        self.inputs.append(text or "")
        for beginning, answer in self.answers.items():
            if line.startswith(beginning):
                if isinstance(answer, Exception):
                    raise answer
                return answer
        return ""

    def index(self, part: str) -> int:
        return next(at for at, line in enumerate(self.ran) if part in line)


@pytest.fixture
def cluster(tmp_path: pathlib.Path) -> settings.Settings:
    state = tmp_path / "probe"
    state.mkdir()
    return settings.Settings("probe", state, tmp_path / "cache")


@pytest.fixture
def shown() -> console.Console:
    return console.Console(rich.console.Console(quiet=True))


@pytest.fixture
def on_path(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def add(*names: str) -> None:
        for name in names:
            (folder / name).touch(mode=0o755)

    return add


def provider(cluster: settings.Settings, *, run: Commands, name: str = "kind") -> base.Provider:
    if name == "kind":
        return kind.Kind(cluster, run=run)
    return existing.Existing(cluster, run=run)


class Stub:
    """A provider that only tells whether it can run."""

    def __init__(self, name: str, reason: str | None = None) -> None:
        self.name = name
        self._reason = reason

    def unavailable(self) -> str | None:
        return self._reason


def choose(
    asked: str | None, *stubs: Stub, recorded: str | None = None, note: Callable[[str], None]
) -> str:
    available = {stub.name: stub for stub in stubs}
    chosen = choice.choose(asked, recorded=recorded, available=available, note=note)  # type: ignore[arg-type]
    return chosen.name


def test_kind_is_chosen_where_it_can_run() -> None:
    stubs = (Stub("kind"), Stub("host"), Stub("existing"))
    assert choose(None, *stubs, note=pytest.fail) == "kind"


def test_host_is_chosen_where_kind_cannot_run_and_the_reason_is_said() -> None:
    said: list[str] = []
    stubs = (Stub("kind", "no docker"), Stub("host"), Stub("existing"))
    assert choose(None, *stubs, note=said.append) == "host"
    assert said == ["not the provider kind: no docker"]


def test_an_existing_context_is_never_chosen_by_itself() -> None:
    stubs = (Stub("kind", "no docker"), Stub("host", "no root"), Stub("existing"))
    with pytest.raises(errors.Unavailable, match=r"no docker\n.*no root"):
        choose(None, *stubs, note=pytest.fail)


def test_a_cluster_that_is_up_keeps_its_provider() -> None:
    stubs = (Stub("kind"), Stub("host"))
    assert choose(None, *stubs, recorded="host", note=pytest.fail) == "host"
    with pytest.raises(errors.Conflict, match="take it down before"):
        choose("kind", *stubs, recorded="host", note=pytest.fail)


def test_an_unknown_provider_is_answered_with_the_known_ones() -> None:
    with pytest.raises(errors.ClusterError, match="there are kind, host"):
        choose("minikube", Stub("kind"), Stub("host"), note=pytest.fail)


def test_the_record_of_the_provider_is_read_back(cluster: settings.Settings) -> None:
    assert choice.recorded(cluster) is None
    choice.record(cluster, provider(cluster, run=Commands()))
    assert choice.recorded(cluster) == "kind"


def test_kind_needs_its_programs(cluster: settings.Settings, on_path: Callable[..., None]) -> None:
    on_path("docker", "kubectl")
    assert provider(cluster, run=Commands()).unavailable() == "kind is not on the PATH"


def test_kind_needs_a_docker_that_runs_privileged_containers(
    cluster: settings.Settings, on_path: Callable[..., None]
) -> None:
    on_path("docker", "kubectl", "kind")
    refused = Commands({"docker run": errors.CommandFailed("operation not permitted")})
    assert provider(cluster, run=refused).unavailable() == "operation not permitted"
    allowed = Commands()
    assert provider(cluster, run=allowed).unavailable() is None
    assert "--privileged" in allowed.ran[1]


def test_kind_is_created_once_with_its_registry_and_prometheus(
    cluster: settings.Settings, shown: console.Console
) -> None:
    missing = errors.CommandFailed("no such container")
    run = Commands({"docker container inspect": missing})
    provider(cluster, run=run).up(base.Options(), shown=shown)
    create = run.ran[run.index("kind create cluster")]
    assert f"--name probe --config {cluster.config / 'kind.yaml'}" in create
    assert f"--kubeconfig {cluster.kubeconfig}" in create
    registry = run.ran[run.index("docker run --detach")]
    assert "--name probe-registry --network kind --publish 127.0.0.1:" in registry
    assert run.index("kind create") < run.index("docker run") < run.index("apply -f -")
    objects = list(yaml.safe_load_all(run.inputs[run.index("apply -f -")]))
    assert objects == kind_manifests.prometheus_objects()


def test_kind_that_is_up_is_not_created_again(
    cluster: settings.Settings, shown: console.Console
) -> None:
    run = Commands({"kind get clusters": "other\nprobe\n", "docker container inspect": "running\n"})
    provider(cluster, run=run).up(base.Options(), shown=shown)
    assert not any("create cluster" in line or "docker run" in line for line in run.ran)


def test_kind_s_registry_that_a_reboot_stopped_is_started(
    cluster: settings.Settings, shown: console.Console
) -> None:
    run = Commands({"kind get clusters": "probe", "docker container inspect": "exited\n"})
    provider(cluster, run=run).up(base.Options(), shown=shown)
    assert "docker start probe-registry" in run.ran
    assert "docker start probe-control-plane" in run.ran


def test_kind_goes_with_its_registry_and_its_folder(
    cluster: settings.Settings, shown: console.Console
) -> None:
    run = Commands()
    provider(cluster, run=run).down(shown=shown)
    assert run.ran == [
        "kind delete cluster --name probe",
        "docker rm --force --volumes probe-registry",
    ]
    assert not cluster.state.exists()


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
    run = Commands({"kind get clusters": "probe", "docker container inspect": "running"})
    made = provider(cluster, run=run)
    made.up(base.Options(), shown=shown)
    assert (cluster.registry_hosts / "probe-registry:5000" / "hosts.toml").exists()
    assert made.info().registry.pull == "probe-registry:5000"
    assert made.info().registry.host.startswith("http://127.0.0.1:")


def test_an_existing_cluster_without_a_name_is_refused(
    cluster: settings.Settings, shown: console.Console
) -> None:
    run = Commands()
    with pytest.raises(errors.ClusterError, match="only by name"):
        provider(cluster, run=run, name="existing").up(base.Options(), shown=shown)
    assert run.ran == []


def test_an_existing_cluster_is_used_by_a_copy_of_its_context(
    cluster: settings.Settings, shown: console.Console
) -> None:
    run = Commands({"kubectl config view": yaml.safe_dump(KUBECONFIG)})
    made = provider(cluster, run=run, name="existing")
    options = base.Options(context="staging", registry="https://registry.example:5000")
    made.up(options, shown=shown)
    assert run.ran[0].endswith("--minify --flatten --raw --context=staging")
    assert run.ran[1].startswith(f"kubectl --kubeconfig={cluster.kubeconfig} version")
    assert yaml.safe_load(cluster.kubeconfig.read_text("utf-8")) == KUBECONFIG
    assert made.info().registry.pull == "registry.example:5000"
    made.up(base.Options(), shown=shown)
    assert made.info().context == "staging"


def test_an_existing_cluster_is_left_as_it_is(
    cluster: settings.Settings, shown: console.Console
) -> None:
    run = Commands()
    provider(cluster, run=run, name="existing").down(shown=shown)
    assert run.ran == []
    assert not cluster.state.exists()


def test_status_shows_real_nodes_one_by_one_and_fake_ones_together(
    cluster: settings.Settings,
) -> None:
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    listed = [
        {"metadata": {"name": "one"}, "status": ready},
        {"metadata": {"name": "f-0", "labels": {"type": "kwok"}}, "status": ready},
        {"metadata": {"name": "f-1", "labels": {"type": "kwok"}}, "status": {}},
    ]
    run = Commands({"kubectl": json.dumps({"items": listed})})
    rows = provider(cluster, run=run, name="existing").status()
    assert [(row.name, row.state, row.ok) for row in rows] == [
        ("one", "Ready", True),
        ("fake nodes", "2", False),
    ]
