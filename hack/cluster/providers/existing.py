"""The provider existing: a cluster that somebody else made, by a context named on purpose.

It starts nothing, and removes only what the demo has installed. Its kubeconfig is a copy of that
one context, so that switching contexts elsewhere cannot redirect a test.
"""

from __future__ import annotations

import json
import pathlib
import shutil
from typing import Any

from hack.cluster import commands, console, documents, errors, images, installed, nodes, settings
from hack.cluster.providers import base


class Existing:
    """A context of the person's own kubeconfig."""

    name = "existing"

    def __init__(self, cluster: settings.Settings, *, run: commands.Runner = commands.run) -> None:
        self._cluster = cluster
        self._run = run

    def unavailable(self) -> str | None:
        return None if shutil.which("kubectl") else "kubectl is not on the PATH"

    def check(self, options: base.Options) -> None:
        context = self._context(options)
        if options.kwok is not None or options.devices is not None:
            raise errors.Unavailable("fake nodes are for the providers host and kind only")
        for name, url in (("registry", options.registry), ("prometheus", options.prometheus)):
            if url and not url.startswith(("http://", "https://")):
                raise errors.ClusterError(f"--{name} is a URL: say https://{url}, or http://{url}")
        self._run(["kubectl", "version", f"--context={context}", "--request-timeout=10s"])

    def up(self, options: base.Options, *, shown: console.Console) -> None:
        context, recorded = self._context(options), self._record()
        with shown.step(f"checking the context {context}"):
            whole = ("kubectl", "config", "view", "--minify", "--flatten", "--raw")
            copied = self._run([*whole, f"--context={context}"])
            documents.write(self._cluster.kubeconfig, copied, mode=0o600)
            self._kubectl("version", "--request-timeout=10s")
        kept = {
            "context": context,
            "registry": options.registry or recorded.get("registry") or "",
            "prometheus": options.prometheus or recorded.get("prometheus") or "",
        }
        documents.write(self._path, documents.to_json(kept))

    def down(self, *, shown: console.Console) -> list[str]:
        context = self._record().get("context")
        left = [f"the cluster of the context {context}"]
        if (found := installed.recorded(self._cluster.state)) is not None:
            with shown.step(f"removing the release {found.release} from the context {context}"):
                self._uninstall(found)
            left += [
                "its CRD trainingjobs.trainshed.dev with every TrainingJob, which the chart keeps: "
                f"`kubectl --context {context} delete crd trainingjobs.trainshed.dev` removes them",
                "the images that were pushed to its registry, below trainshed/",
            ]
        shutil.rmtree(self._cluster.state)
        return left

    def status(self) -> list[base.Part]:
        listed = self._kubectl("get", "nodes", "--output=json", "--request-timeout=10s")
        return nodes.parts(json.loads(listed)["items"])

    def load(self, image: str, *, shown: console.Console) -> str:
        registry = self.info().registry
        if not registry.host:
            raise errors.ClusterError("no registry is known: run `up` again with --registry URL")
        with shown.step(f"pushing {image} to {registry.host}"):
            return images.push(image, to=registry.host, pulled_as=registry.pull, run=self._run)

    def info(self) -> base.Info:
        recorded = self._record()
        registry = recorded.get("registry", "")
        return base.Info(
            provider=self.name,
            kubeconfig=str(self._cluster.kubeconfig),
            context=recorded.get("context", ""),
            registry=base.Registry(push=registry, pull=registry.rpartition("//")[2], host=registry),
            prometheus=recorded.get("prometheus", ""),
            state=str(self._cluster.state),
        )

    def logs(self) -> dict[str, pathlib.Path]:
        return {}

    def _uninstall(self, found: installed.Installed) -> None:
        self._run(
            [
                *(found.helm, "uninstall", found.release, "--namespace", found.namespace),
                *("--kubeconfig", str(self._cluster.kubeconfig)),
                *("--ignore-not-found", "--wait", "--timeout", "120s"),
            ]
        )
        if found.made:
            waited = ("--ignore-not-found", "--timeout=180s")
            self._kubectl("delete", "namespace", *found.made, *waited)

    def _context(self, options: base.Options) -> str:
        context = options.context or self._record().get("context")
        if not context:
            raise errors.ClusterError(
                "an existing cluster is used only by name: say --context NAME "
                "(kubectl config get-contexts lists them)"
            )
        return str(context)

    @property
    def _path(self) -> pathlib.Path:
        return self._cluster.state / "existing.json"

    def _record(self) -> dict[str, Any]:
        return documents.read_json(self._path)

    def _kubectl(self, *arguments: str) -> str:
        return self._run(["kubectl", f"--kubeconfig={self._cluster.kubeconfig}", *arguments])
