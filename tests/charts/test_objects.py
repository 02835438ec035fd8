"""The chart's other objects, and what all of them have in common."""

import json
from collections.abc import Mapping

import pytest
import yaml

from tests.charts import cases, rendering
from trainshed.accelerators import classes

Charts = Mapping[str, rendering.Rendered]

CLUSTER_SCOPED = {"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"}
LABELS = {
    "app.kubernetes.io/name": "trainshed",
    "app.kubernetes.io/instance": rendering.RELEASE,
    "app.kubernetes.io/version": "0.1.0",
    "app.kubernetes.io/managed-by": "Helm",
    "helm.sh/chart": "trainshed-0.1.0",
}


@pytest.mark.parametrize("name", ["nothing", *cases.CASES])
def test_the_chart_passes_lint(helm: rendering.Helm, name: str) -> None:
    values = {} if name == "nothing" else cases.CASES[name][0]

    assert "0 chart(s) failed" in helm.lint(values)


def test_without_a_registry_it_says_what_to_give(helm: rendering.Helm) -> None:
    with pytest.raises(rendering.HelmRefused, match=r"registry\.pull is needed: the registry"):
        helm.render({})


def test_the_charts_version_is_the_projects() -> None:
    chart = yaml.safe_load((rendering.CHART / "Chart.yaml").read_text(encoding="utf-8"))
    project = (rendering.ROOT / "pyproject.toml").read_text(encoding="utf-8")

    assert f'\nversion = "{chart["version"]}"\n' in project
    assert chart["appVersion"] == chart["version"]


def test_every_object_has_a_namespace_and_the_labels(chart: rendering.Rendered) -> None:
    for each in chart.documents:
        metadata = each["metadata"]
        assert ("namespace" in metadata) == (each["kind"] not in CLUSTER_SCOPED), metadata["name"]
        assert metadata["labels"].items() >= LABELS.items(), metadata["name"]
        registry = metadata["name"].startswith("trainshed-registry")
        component = "registry" if registry else "operator"
        assert metadata["labels"]["app.kubernetes.io/component"] == component


def test_no_object_is_there_twice(chart: rendering.Rendered) -> None:
    found = [
        (each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"])
        for each in chart.documents
    ]

    assert len(found) == len(set(found))


@pytest.mark.parametrize("plural", ["trainingjobs", "acceleratorclasses"])
def test_the_crds_are_the_generated_ones(charts: Charts, plural: str) -> None:
    installed = charts["least"].one("CustomResourceDefinition", f"{plural}.trainshed.dev")
    path = rendering.ROOT / "crds" / f"{plural}.yaml"
    generated = yaml.load(path.read_bytes(), yaml.CSafeLoader)
    copy = rendering.CHART / "files" / "crds" / f"{plural}.yaml"

    assert copy.read_bytes() == path.read_bytes()
    assert installed["spec"] == generated["spec"]
    assert installed["metadata"]["name"] == generated["metadata"]["name"]


def test_the_crds_outlive_the_chart_unless_told(charts: Charts, helm: rendering.Helm) -> None:
    def annotations(chart: rendering.Rendered) -> list[rendering.Body]:
        found = chart.of("CustomResourceDefinition")
        return [each["metadata"].get("annotations") or {} for each in found]

    forgotten = helm.render({**cases.LEAST, "crds": {"keep": False}})

    assert annotations(charts["least"]) == [{"helm.sh/resource-policy": "keep"}] * 2
    assert annotations(forgotten) == [{}] * 2


def test_the_shipped_classes_fit_the_api(charts: Charts) -> None:
    found = yaml.safe_load(charts["least"].config)["acceleratorClasses"]["shipped"]

    bodies = [{"metadata": {"name": each["name"]}, "spec": each["spec"]} for each in found]
    read = [classes.read(each) for each in bodies]

    assert [each.problem for each in read if each.problem] == []
    assert {"cpu", "nvidia-l4", "nvidia-gpu", "amd-fpga"} <= {each.name for each in read}
    for each in read:
        assert each.spec is not None
        assert each.spec.dump() == next(one["spec"] for one in found if one["name"] == each.name)


def test_overrides_of_a_class_win(charts: Charts) -> None:
    found = yaml.safe_load(charts["full"].config)["acceleratorClasses"]["shipped"]
    (spec,) = [each["spec"] for each in found if each["name"] == "nvidia-l4"]

    assert spec["price"] == {"hourly": 0.71, "currency": "USD"}
    assert spec["watts"] == 72


def test_grafanas_sidecar_finds_every_dashboard(charts: Charts) -> None:
    files = sorted((rendering.CHART / "dashboards").glob("*.json"))
    for path in files:
        found = charts["full"].one("ConfigMap", f"trainshed-dashboard-{path.stem}")
        assert found["metadata"]["namespace"] == "monitoring"
        assert found["metadata"]["labels"]["grafana_dashboard"] == "true"
        assert found["metadata"]["annotations"]["grafana_folder"] == "Training"
        shipped = json.loads(found["data"][path.name])
        assert shipped == json.loads(path.read_text(encoding="utf-8"))
    assert files


def test_monitors_need_the_prometheus_operators_api(charts: Charts) -> None:
    kinds = {"PodMonitor", "PrometheusRule", "ServiceMonitor"}

    assert not kinds & {each["kind"] for each in charts["least"].documents}
    assert kinds <= {each["kind"] for each in charts["namespaced"].documents}


def test_monitors_can_be_left_out(helm: rendering.Helm) -> None:
    every = ("podMonitor", "rules", "serviceMonitor")
    off = {"monitoring": {each: {"enabled": False} for each in every}}
    chart = helm.render({**cases.LEAST, **off}, served=rendering.MONITORS)

    assert not chart.of("PodMonitor") + chart.of("PrometheusRule") + chart.of("ServiceMonitor")


def test_the_operators_series_keep_the_names_of_jobs(charts: Charts) -> None:
    (monitor,) = charts["full"].of("ServiceMonitor")
    (endpoint,) = monitor["spec"]["endpoints"]
    service = charts["full"].one("Service", "trainshed-operator")
    wanted = monitor["spec"]["selector"]["matchLabels"]

    assert endpoint["honorLabels"] is True
    assert endpoint["port"] in {each["name"] for each in service["spec"]["ports"]}
    assert wanted.items() <= service["metadata"]["labels"].items()


def test_the_monitor_of_pods_looks_where_jobs_are_served(charts: Charts) -> None:
    (everywhere,) = charts["full"].of("PodMonitor")
    (some,) = charts["namespaced"].of("PodMonitor")

    assert everywhere["spec"]["namespaceSelector"] == {"any": True}
    assert some["spec"]["namespaceSelector"] == {"matchNames": ["team-a", "team-b"]}


def test_annotations_for_prometheus_are_off_by_default(charts: Charts) -> None:
    def scraped(name: str) -> set[str]:
        annotations = charts[name].pod["metadata"]["annotations"]
        return {key for key in annotations if key.startswith("prometheus.io/")}

    assert scraped("least") == set()
    assert scraped("full") == {"prometheus.io/scrape", "prometheus.io/port"}
