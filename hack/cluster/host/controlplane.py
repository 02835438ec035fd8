"""The command lines of etcd, the API server, the controller manager and the scheduler."""

from __future__ import annotations

from hack.cluster import processes, settings
from hack.cluster.host import kubeconfigs, plan

# The defaults (20 requests a second) would hide what a benchmark of an operator measures.
_CLIENT_LIMITS = ("--kube-api-qps=500", "--kube-api-burst=1000")


def etcd(planned: plan.Plan) -> processes.Component:
    """Return etcd; it skips fsync, since this data ends with the cluster."""
    client = f"http://127.0.0.1:{planned.ports['etcd']}"
    peer = f"http://127.0.0.1:{planned.ports['etcd-peer']}"
    argv = (
        planned.program("etcd"),
        "--name=local",
        f"--data-dir={planned.cluster.state / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=local={peer}",
        "--unsafe-no-fsync",
        "--quota-backend-bytes=8589934592",
        "--log-level=warn",
    )
    return processes.Component("etcd", argv)


def apiserver(planned: plan.Plan) -> processes.Component:
    """Return the API server, bound to the bridge: pods reach it there."""
    pki = planned.cluster.pki
    argv = (
        planned.program("kube-apiserver"),
        f"--etcd-servers=http://127.0.0.1:{planned.ports['etcd']}",
        f"--bind-address={settings.GATEWAY}",
        f"--advertise-address={settings.GATEWAY}",
        f"--secure-port={planned.ports['apiserver']}",
        f"--service-cluster-ip-range={settings.SERVICE_CIDR}",
        f"--client-ca-file={pki / 'ca.crt'}",
        f"--tls-cert-file={pki / 'apiserver.crt'}",
        f"--tls-private-key-file={pki / 'apiserver.key'}",
        f"--kubelet-certificate-authority={pki / 'ca.crt'}",
        f"--kubelet-client-certificate={pki / 'apiserver-kubelet.crt'}",
        f"--kubelet-client-key={pki / 'apiserver-kubelet.key'}",
        # Else logs and exec would look up the node's name, which no server knows.
        "--kubelet-preferred-address-types=InternalIP",
        f"--service-account-issuer=https://kubernetes.default.svc.{settings.DOMAIN}",
        f"--service-account-signing-key-file={pki / 'sa.key'}",
        f"--service-account-key-file={pki / 'sa.pub'}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        "--profiling=false",
    )
    inputs = (pki / "apiserver.crt", pki / "ca.crt", pki / "sa.pub")
    return processes.Component("apiserver", argv, inputs)


def controller_manager(planned: plan.Plan) -> processes.Component:
    pki = planned.cluster.pki
    config = kubeconfigs.component(planned, "controller-manager")
    argv = (
        planned.program("kube-controller-manager"),
        f"--kubeconfig={config}",
        "--bind-address=127.0.0.1",
        f"--secure-port={planned.ports['controller-manager']}",
        f"--root-ca-file={pki / 'ca.crt'}",
        f"--service-account-private-key-file={pki / 'sa.key'}",
        "--use-service-account-credentials=true",
        "--leader-elect=false",
        "--concurrent-job-syncs=20",
        # Fake nodes have no Lease, and report each ten minutes.
        "--node-monitor-grace-period=30m",
        "--profiling=false",
        *_CLIENT_LIMITS,
    )
    return processes.Component("controller-manager", argv, (config,))


def scheduler(planned: plan.Plan) -> processes.Component:
    config = kubeconfigs.component(planned, "scheduler")
    argv = (
        planned.program("kube-scheduler"),
        f"--kubeconfig={config}",
        "--bind-address=127.0.0.1",
        f"--secure-port={planned.ports['scheduler']}",
        "--leader-elect=false",
        "--profiling=false",
        *_CLIENT_LIMITS,
    )
    return processes.Component("scheduler", argv, (config,))
