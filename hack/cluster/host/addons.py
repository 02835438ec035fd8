"""What stands beside the control plane: DNS, the registry, Prometheus, and their objects."""

from __future__ import annotations

import functools
import pathlib
import sys

from hack import apiserver
from hack.cluster import documents, processes, prometheus, registries, settings
from hack.cluster.host import kubeconfigs, plan

_MANAGER = "trainshed-cluster"


def dns(planned: plan.Plan) -> processes.Component:
    """Return CoreDNS, bound to the bridge; a Service leads the pods to it."""
    client = kubeconfigs.component(planned, "dns")
    config = documents.write(
        planned.cluster.config / "Corefile",
        corefile(kubeconfig=str(client), ready=planned.ports["dns-ready"]),
    )
    argv = (planned.program("dns"), "-conf", str(config))
    return processes.Component("dns", argv, (config, client))


def corefile(*, kubeconfig: str, ready: int) -> str:
    """Return CoreDNS' configuration; names outside the cluster go where this machine asks."""
    return f"""\
.:53 {{
    bind {settings.GATEWAY}
    errors
    ready 127.0.0.1:{ready}
    kubernetes {settings.DOMAIN} in-addr.arpa {{
        kubeconfig {kubeconfig}
        pods insecure
        ttl 5
    }}
    cache 5
    forward . /etc/resolv.conf
}}
"""


def apply_dns_objects(client: apiserver.ApiServer) -> None:
    """Make the Service kube-dns, and say where its one endpoint is."""
    labels = {"k8s-app": "kube-dns", "kubernetes.io/cluster-service": "true"}
    ports = [{"name": "dns", "port": 53, "protocol": "UDP"}]
    ports += [{"name": "dns-tcp", "port": 53, "protocol": "TCP"}]
    apply = functools.partial(client.apply, manager=_MANAGER)
    apply(
        "/api/v1/namespaces/kube-system/services/kube-dns",
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "kube-dns", "namespace": "kube-system", "labels": labels},
            "spec": {"clusterIP": settings.DNS_SERVICE, "ports": ports},
        },
    )
    apply(
        "/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices/kube-dns-host",
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": "kube-dns-host",
                "namespace": "kube-system",
                "labels": {"kubernetes.io/service-name": "kube-dns"},
            },
            "addressType": "IPv4",
            "endpoints": [{"addresses": [settings.GATEWAY], "conditions": {"ready": True}}],
            "ports": ports,
        },
    )


def registry(planned: plan.Plan) -> processes.Component:
    """Return the cluster's registry: plain HTTP on the bridge, deletes allowed."""
    cluster = planned.cluster
    config = documents.write_yaml(
        cluster.config / "registry.yaml",
        registries.config(
            folder=cluster.state / "registry", address=settings.REGISTRY, credentials=None
        ),
    )
    return processes.Component("registry", registries.command(config), (config,))


def discovery(planned: plan.Plan) -> processes.Component:
    """Return the process that tells Prometheus which pods there are."""
    folder = targets(planned)
    folder.mkdir(parents=True, exist_ok=True)
    client = kubeconfigs.component(planned, "prometheus")
    argv = (sys.executable, "-m", "hack.cluster.host.discovery", str(client), str(folder))
    here = pathlib.Path(__file__)
    environment = {"PYTHONPATH": str(here.parents[3])}
    return processes.Component(
        "discovery", argv, (here.with_name("discovery.py"), client), environment=environment
    )


def targets(planned: plan.Plan) -> pathlib.Path:
    """Return the folder of the files that name what Prometheus scrapes."""
    return planned.cluster.state / "targets"


def prometheus_server(planned: plan.Plan) -> processes.Component:
    cluster = planned.cluster
    config = documents.write_yaml(
        cluster.config / "prometheus.yaml",
        prometheus.config(discovery=prometheus.by_file(targets(planned))),
    )
    argv = (
        "/usr/bin/prometheus",
        f"--config.file={config}",
        f"--storage.tsdb.path={cluster.state / 'prometheus'}",
        "--storage.tsdb.retention.time=1d",
        f"--web.listen-address=127.0.0.1:{planned.ports['prometheus']}",
        # A pod is scraped about a second after it starts rather than five.
        "--scrape.discovery-reload-interval=1s",
        "--log.level=warn",
    )
    return processes.Component("prometheus", argv, (config,))
