"""Kueue's resources and webhooks, as its own module has them, fitted to a manager on this machine.

The webhooks see the namespaces of tests alone, and Kueue's own objects: nothing else of the cluster
waits for a manager that may be gone.
"""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator
from typing import Any

import yaml

from hack.cluster import commands, console, settings, toolchain
from hack.kueue import programs

Body = dict[str, Any]
MANAGED = {"trainshed.dev/queued-tests": "true"}
"""The label of the namespaces whose Jobs Kueue manages here, with a queue or without."""
NAME = "trainshed-tests-kueue"
_GROUPS = {"kueue.x-k8s.io", "batch"}


def folder() -> pathlib.Path:
    """Return where the module's manifests lie, fetched where they are not."""
    go = toolchain.ensure(cache=settings.cache(), shown=console.Console())
    environment = {**os.environ, "GOFLAGS": "-mod=readonly"}
    base = [str(go), "-C", str(programs.SOURCE)]
    module = "sigs.k8s.io/kueue"
    commands.run([*base, "mod", "download", module], environment=environment)
    found = commands.run([*base, "list", "-m", "-f", "{{.Dir}}", module], environment=environment)
    return pathlib.Path(found.strip()) / "config" / "components"


def definitions(source: pathlib.Path) -> Iterator[Body]:
    """Yield the CustomResourceDefinitions, without what people read: that is most of them."""
    for path in sorted((source / "crd" / "bases").glob("*.yaml")):
        yield _bare(yaml.load(path.read_text("utf-8"), Loader=yaml.CSafeLoader))


def webhooks(source: pathlib.Path, *, address: str, ca_bundle: str) -> Iterator[Body]:
    """Yield the two configurations. `address`: HOST:PORT of the manager's webhooks."""
    text = (source / "webhook" / "manifests.yaml").read_text("utf-8")
    for found in yaml.safe_load_all(text):
        kept = [each for each in found["webhooks"] if _groups(each) <= _GROUPS]
        for each in kept:
            path = each["clientConfig"]["service"]["path"]
            each["clientConfig"] = {"url": f"https://{address}{path}", "caBundle": ca_bundle}
            if "batch" in _groups(each):
                each["namespaceSelector"] = {"matchLabels": MANAGED}
        yield {**found, "metadata": {"name": NAME}, "webhooks": kept}


def _groups(webhook: Body) -> set[str]:
    return {group for rule in webhook["rules"] for group in rule["apiGroups"]}


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _bare(each)
            for key, each in value.items()
            if not (key == "description" and isinstance(each, str))
        }
    return [_bare(each) for each in value] if isinstance(value, list) else value
