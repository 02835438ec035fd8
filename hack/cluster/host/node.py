"""The one real node: containerd, the pods' network, the kubelet and kube-proxy."""

from __future__ import annotations

import os
import pathlib
import shutil

from hack.cluster import documents, processes, settings
from hack.cluster.host import kubeconfigs, network, plan

_CNI_PLUGINS = "/usr/lib/cni"
_CRI = "io.containerd.grpc.v1.cri"


def containerd(planned: plan.Plan) -> processes.Component:
    """Return containerd with every path of its own, and the pods' network it sets up."""
    cluster = planned.cluster
    config = documents.write(cluster.config / "containerd.toml", containerd_config(cluster))
    documents.write(
        cluster.config / "cni" / "10-bridge.conflist", documents.to_json(cni_config(cluster))
    )
    trust_registry(cluster, host=settings.REGISTRY)
    argv = (_found("containerd"), f"--config={config}")
    return processes.Component("containerd", argv, (config,))


def containerd_config(cluster: settings.Settings) -> str:
    """Return containerd's configuration, in the version that 1.6 to 2 read."""
    base = cluster.state / "containerd"
    return f"""\
version = 2
root = "{base / "root"}"
state = "{base / "run"}"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]

[grpc]
  address = "{cluster.containerd_socket}"

[plugins."io.containerd.internal.v1.opt"]
  path = "{base / "opt"}"

[plugins."{_CRI}"]
  sandbox_image = "{settings.PAUSE_IMAGE}"
  # A negative score needs CAP_SYS_RESOURCE, which a container of this machine may lack.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"

[plugins."{_CRI}".cni]
  bin_dir = "{_CNI_PLUGINS}"
  conf_dir = "{cluster.config / "cni"}"

[plugins."{_CRI}".registry]
  config_path = "{cluster.registry_hosts}"

[plugins."{_CRI}".containerd]
  snapshotter = "overlayfs"
  default_runtime_name = "runc"

[plugins."{_CRI}".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[plugins."{_CRI}".containerd.runtimes.runc.options]
  Root = "{base / "runc"}"
  SystemdCgroup = false
"""


def cni_config(cluster: settings.Settings) -> documents.Document:
    """Return the pods' network; masquerading is one rule of ours, not one chain a pod."""
    return {
        "cniVersion": "0.4.0",
        "name": cluster.name,
        "plugins": [
            {
                "type": "bridge",
                "bridge": cluster.bridge,
                "isGateway": True,
                "ipMasq": False,
                "hairpinMode": True,
                "ipam": {
                    "type": "host-local",
                    "dataDir": str(cluster.state / "cni"),
                    "ranges": [[{"subnet": settings.POD_CIDR, "gateway": settings.GATEWAY}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            }
        ],
    }


def trust_registry(
    cluster: settings.Settings, *, host: str, authority: pathlib.Path | None = None
) -> None:
    """Let the kubelet pull from host: over plain HTTP, or over TLS with that authority."""
    folder = cluster.registry_hosts / host
    if authority is None:
        text = f'server = "http://{host}"\n\n[host."http://{host}"]\n'
    else:
        text = f'server = "https://{host}"\n\n[host."https://{host}"]\n  ca = "{authority}"\n'
    documents.write(folder / "hosts.toml", text)


def kubelet(planned: plan.Plan) -> processes.Component:
    cluster = planned.cluster
    config = documents.write_yaml(cluster.config / "kubelet.yaml", kubelet_config(planned))
    client = kubeconfigs.component(planned, "kubelet")
    argv = (
        planned.program("kubelet"),
        f"--config={config}",
        f"--kubeconfig={client}",
        f"--root-dir={cluster.state / 'kubelet'}",
        f"--hostname-override={settings.NODE}",
        f"--node-ip={settings.GATEWAY}",
    )
    return processes.Component("kubelet", argv, (config, client))


def kubelet_config(planned: plan.Plan) -> documents.Document:
    """Return the kubelet's configuration for a machine that it shares and may not tune."""
    cluster = planned.cluster
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": settings.GATEWAY,
        "port": planned.ports["kubelet"],
        "readOnlyPort": 0,
        "healthzPort": 0,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(cluster.pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(cluster.pki / "kubelet-server.crt"),
        "tlsPrivateKeyFile": str(cluster.pki / "kubelet-server.key"),
        "containerRuntimeEndpoint": f"unix://{cluster.containerd_socket}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": cluster.cgroup,
        "failCgroupV1": False,
        "failSwapOn": False,
        "featureGates": {"KubeletInUserNamespace": True},
        "makeIPTablesUtilChains": False,
        "clusterDomain": settings.DOMAIN,
        "clusterDNS": [settings.DNS_SERVICE],
        "resolvConf": "/etc/resolv.conf",
        "podLogsDir": str(cluster.state / "pod-logs"),
        "volumePluginDir": str(cluster.state / "volume-plugins"),
        "serializeImagePulls": False,
        "maxParallelImagePulls": 4,
        "registryPullQPS": 0,
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {
            "memory.available": "100Mi",
            "nodefs.available": "1Gi",
            "imagefs.available": "1Gi",
        },
        "eventRecordQPS": 0,
    }


def proxy(planned: plan.Plan) -> processes.Component:
    config = documents.write_yaml(planned.cluster.config / "proxy.yaml", proxy_config(planned))
    client = kubeconfigs.component(planned, "proxy")
    argv = (planned.program("kube-proxy"), f"--config={config}")
    return processes.Component("proxy", argv, (config, client))


def proxy_config(planned: plan.Plan) -> documents.Document:
    """Return kube-proxy's configuration; zeros leave the kernel's own limits alone."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "hostnameOverride": settings.NODE,
        "bindAddress": settings.GATEWAY,
        "healthzBindAddress": f"127.0.0.1:{planned.ports['proxy-health']}",
        "metricsBindAddress": f"127.0.0.1:{planned.ports['proxy-metrics']}",
        "clusterCIDR": settings.POD_CIDR,
        "nodePortAddresses": [settings.POD_CIDR],
        "clientConnection": {"kubeconfig": str(planned.cluster.config / "proxy.kubeconfig")},
        "iptables": {
            "localhostNodePorts": False,
            # Answers between two pods must come back through this machine's rules.
            "masqueradeAll": not network.sees_bridged_traffic(),
        },
        "conntrack": {
            "maxPerCore": 0,
            "tcpEstablishedTimeout": "0s",
            "tcpCloseWaitTimeout": "0s",
        },
    }


def ensure_cgroup(cluster: settings.Settings) -> None:
    """Make the pods' cgroup in every hierarchy; the kubelet wants it to be there."""
    for root in cgroup_roots():
        (root / cluster.cgroup.lstrip("/")).mkdir(exist_ok=True)


def cgroup_roots() -> list[pathlib.Path]:
    """Return where this machine's cgroup hierarchies are mounted."""
    mounts = pathlib.Path("/proc/self/mounts").read_text("utf-8").splitlines()
    rows = [line.split() for line in mounts]
    roots = [pathlib.Path(row[1]) for row in rows if row[2] in ("cgroup", "cgroup2")]
    return [root for root in roots if os.access(root, os.W_OK)]


def _found(program: str) -> str:
    path = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    return path or f"/usr/bin/{program}"
