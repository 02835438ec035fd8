"""The settings file that the chart writes is the one that the operator reads."""

import pathlib
from collections.abc import Iterator, Mapping

import pydantic
import pytest
import yaml

from tests.charts import cases, rendering
from trainshed import config
from trainshed.api import labels
from trainshed.registry import google, references, surroundings

Charts = Mapping[str, rendering.Rendered]

FIXED = {
    "trainerLibrary",
    "registry.bundled.port",
    "registry.bundled.service",
    "registry.bundled.keySecret",
    "progress.port",
    "progress.service",
    "progress.caSecret",
    "metrics.port",
    "leaderElection.name",
}
"""Settings that are no values: the image or other templates depend on them."""


@pytest.fixture
def settings(chart: rendering.Rendered, tmp_path: pathlib.Path) -> config.Settings:
    """Return the settings as the operator loads them."""
    path = tmp_path / "config.yaml"
    path.write_text(chart.config, encoding="utf-8")
    return config.load(path)


def fields(model: type[pydantic.BaseModel]) -> Iterator[str]:
    """Yield the dotted path of every setting."""
    for name, field in model.model_fields.items():
        alias = field.alias or name
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, pydantic.BaseModel):
            yield from (f"{alias}.{each}" for each in fields(kind))
        else:
            yield alias


def paths(document: rendering.Body) -> Iterator[str]:
    """Yield the dotted path of everything in a settings file."""
    for key, value in document.items():
        if isinstance(value, dict) and key not in ("requests", "limits", "variants"):
            yield from (f"{key}.{each}" for each in paths(value))
        else:
            yield key


def test_the_operator_reads_what_the_chart_writes(settings: config.Settings) -> None:
    known = ("registry.example.com", "localhost:", "europe-west4-docker.pkg.dev")
    assert settings.registry.pull.startswith(known)


def test_least_values_are_the_operators_own_defaults(
    charts: Charts, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(charts["least"].config, encoding="utf-8")
    found = config.load(path)

    assert found.registry.push == "https://registry.example.com"
    assert found.images.pytorch == "registry.example.com/trainshed/pytorch:0.1.0"
    assert found.images.tensorflow == "registry.example.com/trainshed/tensorflow:0.1.0"
    assert found.builder.image == "registry.example.com/trainshed/builder:0.1.0"
    assert found.builder.resources == config.Resources()
    assert found.builder.dockerfile == config.Dockerfile()
    assert not found.builder.dockerfile.enabled
    chosen = {"registry", "images", "builder", "accelerator_classes"}
    assert found.accelerator_classes.enabled
    assert found.model_dump(exclude=chosen) == config.Settings().model_dump(exclude=chosen)


def test_every_value_reaches_the_operator(charts: Charts, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(charts["full"].config, encoding="utf-8")

    found = config.load(path)
    assert found == config.Settings(
        # Each of them is looked at in test_objects.
        accelerator_classes=found.accelerator_classes,
        kueue=config.Kueue(enabled=True),
        registry=config.Registry(
            push="https://registry.internal:5443",
            pull="registry.example.com:5000",
            ca="/etc/trainshed/registry/ca.pem",
            prefix="ml/trainshed",
            allowed=("ghcr.io", "http://mirror.internal:5000"),
            credentials_file="/etc/trainshed/registry/config.json",
            bundled=config.Bundled(
                enabled=True, gc=config.Collection(enabled=True, older_than_days=7)
            ),
        ),
        images=config.Images(
            pytorch="registry.example.com:5000/base/pytorch:2.6",
            tensorflow="registry.example.com:5000/base/tensorflow:2.21",
            devel=config.Devel(
                pytorch="registry.example.com:5000/devel/pytorch:2.6",
                tensorflow="registry.example.com:5000/devel/tensorflow:2.21",
            ),
            variants={"cuda": {"pytorch": "registry.example.com:5000/cuda/pytorch:2.6"}},
        ),
        placement=config.Placement(
            gang=config.Gang(by="coscheduling", scheduler_name="all-or-none"),
            topology_keys=("kubernetes.io/hostname", "cloud.google.com/gce-topology-block"),
            pack=False,
            avoid_labelled=False,
        ),
        builder=config.Builder(
            image="registry.example.com:5000/trainshed/builder:1",
            service_account_name="builds",
            without_tls=("lab.internal:5000",),
            index=config.Index(
                url="https://index.example.com/simple",
                constraints="numpy<3\n# as tested\n",
                ca="/etc/trainshed/index/ca.pem",
            ),
            packages=config.Packages(max_bytes=16 << 30),
            pre_pull_nodes=3,
            resources=config.Resources(
                requests={"cpu": 2, "memory": "256Mi"}, limits={"memory": "8Gi"}
            ),
            dockerfile=config.Dockerfile(
                buildkit=config.Engine(image="moby/buildkit:rootless"),
                buildah=config.Engine(image="registry.example.com:5000/trainshed/buildah:1"),
                resources=config.Resources(
                    requests={"cpu": 4, "memory": "512Mi"}, limits={"memory": "16Gi"}
                ),
                storage="50Gi",
                host_users=False,
            ),
        ),
        metrics=config.Metrics(finished_jobs_retention_seconds=60),
        writes=config.Writes(per_second=500, burst=2_000_000),
        leader_election=config.LeaderElection(lease_seconds=30, renew_seconds=20, retry_seconds=4),
        build_deadline_seconds=600,
        startup_deadline_seconds=1200,
        gang_deadline_seconds=300,
        workers=32,
    )


def test_googles_tokens_are_for_its_registry(charts: Charts, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(charts["gke"].config, encoding="utf-8")
    found = config.load(path)
    target = surroundings.target(found.registry)

    target.check()
    assert found.registry.google
    assert google.knows(target.push)
    assert not config.load(_least(charts, tmp_path)).registry.google
    own = f"{target.pull}/{target.repository('team-a')}"
    assert own == "europe-west4-docker.pkg.dev/my-project/trainshed-team-a/ns/team-a"
    for base in (*found.images.bases.values(), found.builder.image):
        assert target.owner(references.parse(base)) == "", "bases are no namespace's"


def test_autopilot_is_asked_for_no_label_that_it_refuses(
    helm: rendering.Helm, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(helm.render(cases.AUTOPILOT).config, encoding="utf-8")
    found = config.load(path)

    assert found.registry.google
    assert found.accelerator_classes.enabled
    assert found.accelerator_classes.shipped == ()
    assert not found.placement.avoid_labelled
    assert not found.placement.pack
    assert found.builder.service_account_name == "trainshed-builder"


def test_googles_monitoring_finds_the_operator_and_the_trainers(charts: Charts) -> None:
    path = rendering.ROOT / "examples" / "gke" / "pod-monitoring.yaml"
    trainer, operator = yaml.safe_load_all(path.read_text(encoding="utf-8"))
    pod = charts["gke"].pod
    (monitor,) = charts["namespaced"].of("PodMonitor")

    assert trainer["spec"]["selector"] == monitor["spec"]["selector"]
    wanted = operator["spec"]["selector"]["matchLabels"]
    assert wanted.items() <= pod["metadata"]["labels"].items()
    assert operator["metadata"]["namespace"] == rendering.NAMESPACE
    ports = {each["name"] for each in pod["spec"]["containers"][0]["ports"]}
    assert {each["port"] for each in operator["spec"]["endpoints"]} <= ports


def _least(charts: Charts, folder: pathlib.Path) -> pathlib.Path:
    path = folder / "least.yaml"
    path.write_text(charts["least"].config, encoding="utf-8")
    return path


def test_namespaces_reach_the_operator(charts: Charts) -> None:
    assert yaml.safe_load(charts["namespaced"].config)["namespaces"] == ["team-a", "team-b"]


def test_every_setting_is_a_value_or_fixed(chart: rendering.Rendered) -> None:
    written = set(paths(yaml.safe_load(chart.config)))

    assert written | FIXED == set(fields(config.Settings))
    assert not written & FIXED


def test_the_files_that_the_settings_name_are_mounted(charts: Charts) -> None:
    settings = yaml.safe_load(charts["full"].config)["registry"]
    (volume,) = (v for v in charts["full"].pod["spec"]["volumes"] if v["name"] == "settings")
    items = [
        (source["secret"]["name"], item["key"], f"/etc/trainshed/{item['path']}")
        for source in volume["projected"]["sources"]
        if "secret" in source
        for item in source["secret"]["items"]
    ]

    assert items == [
        ("registry-push", ".dockerconfigjson", settings["credentialsFile"]),
        ("registry-ca", "tls.crt", settings["ca"]),
    ]


def test_ports_and_names_are_the_operators(chart: rendering.Rendered) -> None:
    own = config.Settings()
    (operator,) = chart.pod["spec"]["containers"]
    ports = {each["name"]: each["containerPort"] for each in operator["ports"]}
    (push,) = chart.one("Service", own.progress.service)["spec"]["ports"]

    tokens = {"tokens": own.registry.bundled.port} if bundled(chart) else {}
    assert ports == {"metrics": own.metrics.port, "https": own.progress.port, **tokens}
    assert push == {"name": "https", "port": own.progress.port}


def bundled(chart: rendering.Rendered) -> bool:
    """Return whether a chart has the registry in it."""
    return bool(yaml.safe_load(chart.config)["registry"]["bundled"]["enabled"])


def test_the_pod_tells_the_operator_who_it_is(chart: rendering.Rendered) -> None:
    (operator,) = chart.pod["spec"]["containers"]
    told = {each["name"]: each["name"].lower() for each in operator["env"] if "valueFrom" in each}

    assert config.identity(told) == config.Identity(
        namespace="pod_namespace", pod="pod_name", address="pod_ip"
    )


def test_the_monitor_of_pods_finds_trainers(charts: Charts) -> None:
    wanted = {labels.APP_COMPONENT: labels.TRAINER, labels.MANAGED_BY: labels.MANAGER}
    for name in ("full", "namespaced"):
        (monitor,) = charts[name].of("PodMonitor")
        assert monitor["spec"]["selector"]["matchLabels"] == wanted
