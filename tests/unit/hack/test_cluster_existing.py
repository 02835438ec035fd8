"""What kubectl and helm are told about a cluster that somebody else made."""

import json

import pytest
import yaml

from hack.cluster import console, errors, installed, settings
from hack.cluster.providers import base, existing
from tests.unit.hack import cluster_fakes

KUBECONFIG = {
    "clusters": [{"cluster": {"server": "https://127.0.0.1:40001"}}],
    "users": [{"user": {}}],
}


def test_an_existing_cluster_without_a_name_is_refused(
    cluster: settings.Settings, shown: console.Console
) -> None:
    run = cluster_fakes.Commands()
    with pytest.raises(errors.ClusterError, match="only by name"):
        existing.Existing(cluster, run=run).up(base.Options(), shown=shown)
    assert run.ran == []


def test_an_existing_cluster_is_used_by_a_copy_of_its_context(
    cluster: settings.Settings, shown: console.Console
) -> None:
    run = cluster_fakes.Commands({"kubectl config view": yaml.safe_dump(KUBECONFIG)})
    made = existing.Existing(cluster, run=run)
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
    run = cluster_fakes.Commands({"kubectl config view": yaml.safe_dump(KUBECONFIG)})
    made = existing.Existing(cluster, run=run)
    made.up(base.Options(context="staging"), shown=shown)
    run.ran.clear()
    assert made.down(shown=shown) == ["the cluster of the context staging"]
    assert run.ran == []
    assert not cluster.state.exists()


DEMO = installed.Installed("/bin/helm", "trainshed", "trainshed-system", made=("trainshed-demo",))


def test_what_the_demo_installed_goes_and_what_stays_is_said(
    cluster: settings.Settings, shown: console.Console
) -> None:
    run = cluster_fakes.Commands({"kubectl config view": yaml.safe_dump(KUBECONFIG)})
    made = existing.Existing(cluster, run=run)
    made.up(base.Options(context="staging"), shown=shown)
    installed.record(cluster.state, DEMO)
    run.ran.clear()

    left = "\n".join(made.down(shown=shown))

    uninstall, delete = run.ran
    assert uninstall.startswith("/bin/helm uninstall trainshed --namespace trainshed-system")
    assert f"--kubeconfig {cluster.kubeconfig}" in uninstall
    assert " delete namespace trainshed-demo --ignore-not-found" in delete
    assert "kubectl --context staging delete crd trainingjobs.trainshed.dev" in left
    assert "images" in left


def test_a_cluster_that_does_not_answer_keeps_the_record_of_what_is_in_it(
    cluster: settings.Settings, shown: console.Console
) -> None:
    installed.record(cluster.state, DEMO)
    run = cluster_fakes.Commands({"/bin/helm uninstall": errors.CommandFailed("unreachable")})
    with pytest.raises(errors.CommandFailed):
        existing.Existing(cluster, run=run).down(shown=shown)
    assert installed.recorded(cluster.state) == DEMO


def test_status_shows_real_nodes_one_by_one_and_fake_ones_together(
    cluster: settings.Settings,
) -> None:
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    listed = [
        {"metadata": {"name": "one"}, "status": ready},
        {"metadata": {"name": "f-0", "labels": {"type": "kwok"}}, "status": ready},
        {"metadata": {"name": "f-1", "labels": {"type": "kwok"}}, "status": {}},
    ]
    run = cluster_fakes.Commands({"kubectl": json.dumps({"items": listed})})
    rows = existing.Existing(cluster, run=run).status()
    assert [(row.name, row.state, row.ok) for row in rows] == [
        ("one", "Ready", True),
        ("fake nodes", "2", False),
    ]
