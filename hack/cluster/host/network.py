"""The bridge that the pods hang on, and the packet rules that are ours.

Owns the link, three kernel settings and the rules that carry the link's name as comment.
The chains of kube-proxy are made by it and removed by `cleanup`.
"""

from __future__ import annotations

import ipaddress
import itertools
import json
import pathlib
import shlex
from collections.abc import Iterable

from hack.cluster import commands, documents, errors, processes, settings

_FORWARD = pathlib.Path("/proc/sys/net/ipv4/ip_forward")
_BRIDGE_CALLS = pathlib.Path("/proc/sys/net/bridge/bridge-nf-call-iptables")
_NAMESPACE = pathlib.Path("/proc/self/ns/net")
_TABLES = ("iptables", "ip6tables")
_OURS = ("KUBE-", "CNI-")


def ensure(cluster: settings.Settings, *, run: commands.Runner = commands.run) -> None:
    """Make the bridge and let the kernel forward; remember what to put back."""
    links = json.loads(run(["ip", "-json", "address", "show"]))
    refuse_overlap(links, bridge=cluster.bridge)
    if not any(link.get("ifname") == cluster.bridge for link in links):
        refuse_chains(run(["iptables-save"]))
        run(["ip", "link", "add", cluster.bridge, "type", "bridge"])
    prefix = settings.POD_CIDR.rpartition("/")[2]
    run(["ip", "address", "replace", f"{settings.GATEWAY}/{prefix}", "dev", cluster.bridge])
    run(["ip", "link", "set", cluster.bridge, "up"])
    run(["ip", "link", "set", "lo", "up"])
    journal = cluster.state / "kernel.json"
    before = documents.read_json(journal)
    for path in (_FORWARD, _BRIDGE_CALLS):
        if path.exists() and (value := path.read_text("ascii").strip()) != "1":
            before.setdefault(str(path), value)
            documents.write(journal, documents.to_json(before))
            path.write_text("1", encoding="ascii")


def restore(cluster: settings.Settings) -> None:
    """Give the kernel settings the values that they had."""
    for path, value in documents.read_json(cluster.state / "kernel.json").items():
        pathlib.Path(path).write_text(value, encoding="ascii")


def sees_bridged_traffic() -> bool:
    """Tell whether packets between two pods pass the packet rules."""
    return _BRIDGE_CALLS.exists()


def rules(bridge: str, *, api_port: int) -> list[list[str]]:
    """Return our rules, each as its table, its chain and the rest.

    The API server listens on the bridge alone, for the pods; programs of this machine
    reach it by 127.0.0.1.
    """
    mark = ["-m", "comment", "--comment", bridge]
    pods = settings.POD_CIDR
    target = f"{settings.GATEWAY}:{api_port}"
    to_api = ["-d", "127.0.0.1/32", "-p", "tcp", "-m", "tcp", "--dport", str(api_port)]
    return [
        ["nat", "POSTROUTING", "-s", pods, "!", "-d", pods, *mark, "-j", "MASQUERADE"],
        ["nat", "OUTPUT", *to_api, *mark, "-j", "DNAT", "--to-destination", target],
        ["filter", "FORWARD", "-i", bridge, *mark, "-j", "ACCEPT"],
        ["filter", "FORWARD", "-o", bridge, *mark, "-j", "ACCEPT"],
    ]


def ensure_rules(bridge: str, *, api_port: int, run: commands.Runner = commands.run) -> None:
    """Add those of our rules that are missing, and drop ours that no longer hold."""
    wanted = rules(bridge, api_port=api_port)
    saved = run(["iptables-save"])
    present = [line for line in saved.splitlines() if _marked(line, bridge)]
    if len(present) == len(wanted) and f":{api_port}" in "".join(present):
        return
    script = cleanup_script(saved, bridge=bridge, chains=False)
    if script:
        run(["iptables-restore", "--noflush"], text=script)
    for table, chain, *rest in wanted:
        # Other programs' filters may end with a rule that drops what is left.
        place = "-I" if table == "filter" else "-A"
        run(["iptables", "-t", table, place, chain, *rest])


def claim(cluster: settings.Settings) -> None:
    """Remember which network namespace the cluster is in, or refuse to touch another one."""
    refuse_elsewhere(cluster)
    here = {"boot": processes.boot_id(), "net": str(_NAMESPACE.readlink())}
    documents.write(cluster.state / "namespace.json", documents.to_json(here))


def refuse_elsewhere(cluster: settings.Settings) -> None:
    """Raise if the cluster was started in another network namespace since the last boot."""
    claimed = documents.read_json(cluster.state / "namespace.json")
    same_boot = claimed.get("boot") == processes.boot_id()
    if same_boot and claimed.get("net") != str(_NAMESPACE.readlink()):
        raise errors.Conflict(
            f"the cluster {cluster.name} is in another network namespace ({claimed['net']}): "
            "run this in it (nsenter --net=/run/netns/N …)"
        )


def cleanup(bridge: str, *, chains: bool, run: commands.Runner = commands.run) -> None:
    """Remove our rules and the bridge, and with chains those of kube-proxy.

    Its chains do not say whose they are, so the caller must know that it was our kube-proxy.
    """
    for program in _TABLES:
        try:
            saved = run([f"{program}-save"])
        except errors.ClusterError:
            continue  # a kernel without IPv6 has no tables for it
        script = cleanup_script(saved, bridge=bridge, chains=chains)
        if script:
            run([f"{program}-restore", "--noflush"], text=script)
    links = json.loads(run(["ip", "-json", "link", "show"]))
    for link in links:
        if link.get("master") == bridge:
            run(["ip", "link", "delete", link["ifname"]])
    if any(link.get("ifname") == bridge for link in links):
        run(["ip", "link", "delete", bridge])


def cleanup_script(saved: str, *, bridge: str, chains: bool) -> str:
    """Return what iptables-restore --noflush needs to remove what is ours from saved."""
    lines: list[str] = []
    for table, declared, table_rules in _tables(saved):
        doomed = [name for name in declared if chains and name.startswith(_OURS)]
        removed = [
            f"-D{rule[2:]}"
            for rule in table_rules
            if _marked(rule, bridge) or (_jumps(rule, doomed) and rule.split()[1] not in doomed)
        ]
        if doomed or removed:
            flushed = [f":{name} - [0:0]" for name in doomed]
            emptied = [f"-X {name}" for name in doomed]
            lines += [f"*{table}", *flushed, *removed, *emptied, "COMMIT"]
    return "".join(f"{line}\n" for line in lines)


def refuse_overlap(links: Iterable[documents.Document], *, bridge: str) -> None:
    """Raise if another link holds addresses of the pods' range."""
    pods = ipaddress.ip_network(settings.POD_CIDR)
    for link in links:
        for address in link.get("addr_info", ()):
            held = ipaddress.ip_address(address["local"])
            if link.get("ifname") != bridge and held.version == pods.version and held in pods:
                raise errors.Conflict(
                    f"link {link['ifname']} holds {held} of {pods}, the pods' range: take "
                    "the other cluster down first, or run this one in a network namespace of its "
                    "own (ip netns add N; nsenter --net=/run/netns/N …)"
                )


def refuse_chains(saved: str) -> None:
    """Raise if another kube-proxy already writes this namespace's packet rules."""
    if any(line.startswith(":KUBE-SERVICES ") for line in saved.splitlines()):
        raise errors.Conflict(
            "another kube-proxy's chains (KUBE-SERVICES) are in iptables: two of them would "
            "overwrite each other. Stop that cluster, or if it is gone run `kube-proxy --cleanup`"
        )


def _tables(saved: str) -> Iterable[tuple[str, list[str], list[str]]]:
    table = ""
    declared: list[str] = []
    table_rules: list[str] = []
    for line in saved.splitlines():
        if line.startswith("*"):
            table, declared, table_rules = line[1:], [], []
        elif line.startswith(":"):
            declared.append(line[1:].split()[0])
        elif line.startswith("-A "):
            table_rules.append(line)
        elif line == "COMMIT":
            yield table, declared, table_rules


def _marked(rule: str, bridge: str) -> bool:
    words = shlex.split(rule)
    return ("--comment", bridge) in itertools.pairwise(words)


def _jumps(rule: str, chains: Iterable[str]) -> bool:
    words = rule.split()
    return any(word in ("-j", "-g") and words[at + 1] in chains for at, word in enumerate(words))
