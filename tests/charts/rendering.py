"""Renders the chart with helm, as the cluster would get it. Knows no test."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from hack.cluster import programs, settings

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "trainshed"
RELEASE = "trainshed"
NAMESPACE = "trainshed-system"
MONITORS = tuple(
    f"monitoring.coreos.com/v1/{kind}"
    for kind in ("PodMonitor", "PrometheusRule", "ServiceMonitor")
)
KUBERNETES = "1.29.0"
"""The oldest that the chart allows."""

Body = dict[str, Any]
Values = Mapping[str, Any]


class HelmRefused(Exception):
    """helm ended with an error, which is the text."""


def helm_path() -> pathlib.Path:
    """Return helm: the one given, the one that the local cluster built, or PATH's."""
    given = os.environ.get("TRAINSHED_BIN")
    candidates = [
        pathlib.Path(given) / "helm" if given else None,
        programs.cached("helm", cache=settings.cache()),
        shutil.which("helm"),
    ]
    for each in candidates:
        if each is not None and pathlib.Path(each).exists():
            return pathlib.Path(each)
    raise FileNotFoundError("helm is nowhere: make test-charts builds it")


def merged(base: Values, over: Values) -> Body:
    """Return one tree of values with another's in place, as helm merges them."""
    both = {key: value for key, value in base.items() if key not in over}
    for key, value in over.items():
        old = base.get(key)
        deep = isinstance(old, Mapping) and isinstance(value, Mapping)
        both[key] = merged(old, value) if deep else value  # type: ignore[arg-type]
    return both


@dataclass(frozen=True, slots=True)
class Rendered:
    """The objects of one rendering."""

    documents: Sequence[Body]

    def of(self, kind: str) -> list[Body]:
        """Return the objects of a kind."""
        return [each for each in self.documents if each["kind"] == kind]

    def one(self, kind: str, name: str) -> Body:
        """Return one object."""
        (found,) = (each for each in self.of(kind) if each["metadata"]["name"] == name)
        return found

    @property
    def pod(self) -> Body:
        """Return the operator's pod template."""
        template: Body = self.one("Deployment", "trainshed-operator")["spec"]["template"]
        return template

    @property
    def config(self) -> str:
        """Return the text of the operator's settings file."""
        return str(self.one("ConfigMap", "trainshed-operator")["data"]["config.yaml"])


@dataclass(frozen=True, slots=True)
class Helm:
    """The program."""

    path: pathlib.Path

    def lint(self, values: Values) -> str:
        """Check the chart and return what helm says; raises HelmRefused."""
        return self._run("lint", str(CHART), "--strict", "--values", "-", values=values)

    def render(self, values: Values, *, served: Sequence[str] = ()) -> Rendered:
        """Render an installation into a cluster that serves these kinds too."""
        text = self._run(
            *("template", RELEASE, str(CHART), "--namespace", NAMESPACE),
            *("--kube-version", KUBERNETES, "--values", "-"),
            *(part for each in served for part in ("--api-versions", each)),
            values=values,
        )
        return Rendered([each for each in yaml.load_all(text, yaml.CSafeLoader) if each])

    def _run(self, *arguments: str, values: Values) -> str:
        # No kubeconfig: a rendering must not look at any cluster.
        done = subprocess.run(
            [self.path, *arguments],
            input=json.dumps(values),
            env={"HOME": "/nonexistent", "KUBECONFIG": os.devnull},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        if done.returncode != 0:
            raise HelmRefused(done.stderr.strip())
        return done.stdout
