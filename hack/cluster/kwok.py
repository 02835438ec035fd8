"""Runs kwok, which plays the kubelet of fake nodes, for as long as there are any."""

from __future__ import annotations

import pathlib

from hack import apiserver
from hack.cluster import console, devices, documents, fakes, nodes, processes, settings

STAGES = pathlib.Path(__file__).with_name("stages.yaml")


def component(
    cluster: settings.Settings,
    *,
    program: pathlib.Path,
    kubeconfig: pathlib.Path,
    port: int,
    lease_seconds: int = 40,
) -> processes.Component:
    """Return kwok as it is to run.

    `lease_seconds`: of each node's Lease, which is renewed four times as often: five thousand are
    500 writes a second. 0: none has one, where nobody takes a node without it for lost.
    """
    # A copy, so that the process does not depend on the source tree.
    stages = documents.write(cluster.config / "stages.yaml", STAGES.read_text("utf-8"))
    argv = (
        str(program),
        f"--kubeconfig={kubeconfig}",
        f"--config={stages}",
        "--manage-all-nodes=false",
        f"--manage-nodes-with-annotation-selector={fakes.ANNOTATION}=fake",
        f"--node-lease-duration-seconds={lease_seconds}",
        f"--cidr={settings.FAKE_POD_CIDR}",
        f"--server-address=127.0.0.1:{port}",
        "--v=WARN",
    )
    return processes.Component("kwok", argv, (kubeconfig, stages))


def apply(
    supervisor: processes.Supervisor,
    component: processes.Component,
    *,
    client: apiserver.ApiServer,
    count: int | None,
    machines: bool | None,
    shown: console.Console,
) -> None:
    """Have count fake nodes, and those with devices or none; None leaves either as it is.

    kwok starts before the first and stops after the last.
    """
    if (count or machines) and not supervisor.current(component):
        supervisor.start(component)
    if count is not None:
        with shown.step(f"{count} fake nodes") as step:
            fakes.scale(client, count=count, step=step)
    if machines is not None:
        with shown.step(f"{'fake' if machines else 'no fake'} GPU and FPGA nodes") as step:
            devices.keep(client, devices.MACHINES if machines else (), step=step)
    gone = count == 0 or machines is False
    if gone and not fakes.names(client, selected="=".join(nodes.FAKE_LABEL)):
        supervisor.stop(component.name)
