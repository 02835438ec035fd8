"""The nodes of a kind cluster: started where a reboot stopped them, given devices to show.

Its workers pass themselves off as machines that have some. Their kubelets register the labels and
the taints; the devices are written into their status. A kubelet that starts sets those to 0, as
no device plugin has reported them, and leaves them alone from then on.
"""

from __future__ import annotations

import datetime
import functools
import json

from hack.cluster import commands, console, devices, errors, nodes, settings, waiting

_SECONDS = 120


class Nodes:
    """The containers that kind made as nodes of one cluster."""

    def __init__(self, cluster: settings.Settings, *, run: commands.Runner) -> None:
        self._cluster = cluster
        self._run = run

    def start(self, *, step: console.Step) -> None:
        """Start those that are down, and wait until the API server and all that started serve."""
        since = datetime.datetime.now(datetime.UTC)
        down = [name for name in self._names() if state(name, run=self._run) != "running"]
        if down:
            self._run(["docker", "start", *down])
        if not self._cluster.kubeconfig.exists():
            target = ("--name", self._cluster.name, "--kubeconfig", str(self._cluster.kubeconfig))
            self._run(["kind", "export", "kubeconfig", *target])
        first = f"{self._cluster.name}-control-plane"
        self._until("the API server", self._silent, node=first, step=step)
        for name in down:
            unready = functools.partial(self._unready, name, since=since)
            self._until(f"node {name}", unready, node=name, step=step)

    def workers(self) -> dict[str, devices.Machine]:
        """Return those that pass themselves off as machines, by the names that kind gives them."""
        found = self._names()
        wanted = {
            f"{self._cluster.name}-worker{number if number > 1 else ''}": machine
            for number, machine in enumerate(devices.MACHINES, start=1)
        }
        return {name: machine for name, machine in wanted.items() if name in found}

    def give_devices(self) -> None:
        """Have each worker say that it has its machine's devices."""
        for name, machine in self.workers().items():
            counted = dict(machine.devices)
            body = {"status": {"capacity": counted, "allocatable": counted}}
            patch = ("--subresource=status", "--type=merge", f"--patch={json.dumps(body)}")
            self._kubectl("patch", "node", name, *patch)

    def _names(self) -> list[str]:
        return self._run(["kind", "get", "nodes", "--name", self._cluster.name]).split()

    def _silent(self) -> str | None:
        try:
            self._kubectl("get", "--raw=/readyz", "--request-timeout=5s")
        except errors.CommandFailed as error:
            return str(error).splitlines()[-1].strip()
        return None

    def _unready(self, name: str, *, since: datetime.datetime) -> str | None:
        said = self._kubectl("get", "node", name, "--output=json", "--request-timeout=5s")
        return nodes.unready(json.loads(said), since=since)

    def _until(
        self, what: str, unready: waiting.Condition, *, node: str, step: console.Step
    ) -> None:
        hint = f"the node's log: docker logs {node}"
        waiting.until(what, unready, seconds=_SECONDS, step=step, hint=hint)

    def _kubectl(self, *arguments: str) -> str:
        return self._run(["kubectl", f"--kubeconfig={self._cluster.kubeconfig}", *arguments])


def state(container: str, *, run: commands.Runner) -> str | None:
    """Return what docker says of a container, such as `running`; None where there is none."""
    try:
        argv = ["docker", "container", "inspect", "--format", "{{.State.Status}}", container]
        return run(argv).strip()
    except errors.CommandFailed:
        return None
