"""The command line `trainshed`."""

from __future__ import annotations

import asyncio
import pathlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

import rich.console
import rich.markup
import typer

from trainshed import config
from trainshed.cli import builds, clusters, failing, finding, manifests, texts, trees, variants, why
from trainshed.registry import credentials

app = typer.Typer(
    help="Looks at TrainingJobs. Nothing here changes a cluster or a registry.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
File = Annotated[pathlib.Path, typer.Argument(help="The manifest; - for the standard input")]
Build = Annotated[bool, typer.Option("--build", help="Show how the job's image would be built")]
Output = Annotated[texts.Form, typer.Option("--output", "-o", help="text, json or yaml")]
JobName = Annotated[str, typer.Argument(metavar="NAME", help="Of the TrainingJob")]
JobNamespace = Annotated[
    str | None, typer.Option("--namespace", "-n", help="Default: that of the context")
]
Namespace = Annotated[str | None, typer.Option("--namespace", "-n", help="Of the job")]
Config = Annotated[
    pathlib.Path | None, typer.Option("--config", help="The operator's settings, a YAML file")
]
Kubeconfig = Annotated[
    str, typer.Option("--kubeconfig", envvar="KUBECONFIG", help="Where --config is not given")
]
Which = Annotated[
    str, typer.Option("--kubeconfig", envvar="KUBECONFIG", help="Of the job's cluster")
]
Context = Annotated[str | None, typer.Option("--context", help="Of the kubeconfig")]
Operator = Annotated[
    str, typer.Option("--operator-namespace", help="Where the operator is installed")
]
Library = Annotated[
    pathlib.Path | None,
    typer.Option("--library", help="The folder of the training library; default: the settings'"),
]
Authority = Annotated[
    pathlib.Path | None,
    typer.Option("--registry-ca", help="The registry's authority, in place of the settings'"),
]
Registry = Annotated[
    str, typer.Option("--registry", help="Its URL as this machine reaches it; default: settings'")
]
Logins = Annotated[
    pathlib.Path | None,
    typer.Option("--credentials", help="A docker config.json to read the base with"),
]
AsIf = Annotated[
    str | None,
    typer.Option("--class", help="The AcceleratorClass to take for chosen; default: the job's"),
]
Offline = Annotated[bool, typer.Option("--offline", help="Ask no registry")]


def main() -> None:
    """Run the command line; what stops it is a sentence on the standard error, and a code."""
    try:
        app()
    except failing.Refused as error:
        shown = rich.console.Console(stderr=True, highlight=False, soft_wrap=True)
        for sentence in str(error).splitlines():
            shown.print(f"[bold red]error:[/] {rich.markup.escape(sentence)}")
        raise SystemExit(error.code) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


@app.callback()
def trainshed() -> None:
    """Look at TrainingJobs."""


@app.command()
def render(
    file: File,
    build: Build = False,
    output: Output = texts.Form.TEXT,
    namespace: Namespace = None,
    config_file: Config = None,
    kubeconfig: Kubeconfig = "~/.kube/config",
    context: Context = None,
    operator_namespace: Operator = "trainshed-system",
    library: Library = None,
    registry: Registry = "",
    registry_ca: Authority = None,
    logins: Logins = None,
    class_: AsIf = None,
    offline: Offline = False,
) -> None:
    """Show what would be made of a TrainingJob, from its manifest and the operator's settings."""
    if not build:
        raise failing.Refused("say what to show: --build for how the image would be built")
    manifest = manifests.read(file, namespace=namespace)
    here = _Here(library, registry, registry_ca, logins, operator_namespace, offline, class_)
    if config_file is not None:
        settings = _settings(config_file)
        described = asyncio.run(_described(manifest, settings, here, None))
    else:
        kube = str(pathlib.Path(kubeconfig).expanduser())
        described = asyncio.run(_of_cluster(manifest, here, kube, context))
    sys.stdout.write(texts.render(described, output))


@app.command(name="why")
def explain(
    name: JobName,
    namespace: JobNamespace = None,
    output: Output = texts.Form.TEXT,
    kubeconfig: Which = "~/.kube/config",
    context: Context = None,
) -> None:
    """Show what keeps a TrainingJob from going on, and what to do."""
    kube = str(pathlib.Path(kubeconfig).expanduser())
    body = asyncio.run(_training_job(name, namespace, kube, context))
    trees.write(why.of(body), output, sys.stdout)


async def _training_job(
    name: str, namespace: str | None, kubeconfig: str, context: str | None
) -> Mapping[str, Any]:
    async with clusters.opened(kubeconfig, context) as cluster:
        return await cluster.training_job(namespace or cluster.namespace, name)


@dataclass(frozen=True, slots=True)
class _Here:
    """What of this machine stands in for the operator's files."""

    library: pathlib.Path | None
    registry: str
    registry_ca: pathlib.Path | None
    logins: pathlib.Path | None
    operator_namespace: str
    offline: bool
    class_: str | None
    """The class that is taken for chosen; None: as the job says."""


async def _of_cluster(
    manifest: manifests.Manifest,
    here: _Here,
    kubeconfig: str,
    context: str | None,
) -> builds.Build:
    async with clusters.opened(kubeconfig, context) as cluster:
        settings = await cluster.settings(here.operator_namespace)
        return await _described(manifest, settings, here, cluster)


async def _described(
    manifest: manifests.Manifest,
    settings: config.Settings,
    here: _Here,
    cluster: clusters.Cluster | None,
) -> builds.Build:
    authority = str(here.registry_ca) if here.registry_ca else _known(settings.registry.ca)
    registry = settings.registry.model_copy(update={"ca": authority})
    settings = settings.model_copy(update={"registry": registry})
    ways = finding.Ways(
        library=here.library or settings.trainer_library,
        cluster=cluster,
        registry=here.registry,
        operator_namespace=here.operator_namespace,
        offline=here.offline,
        logins=_logins(here.logins),
    )
    classes = await variants.known(manifest, settings, cluster, class_=here.class_)
    settings, accelerator = variants.based(manifest, settings, classes, here.class_)
    shown = builds.of(manifest, settings, await finding.find(manifest, settings, ways))
    return replace(shown, accelerator=accelerator)


def _logins(path: pathlib.Path | None) -> Mapping[str, credentials.Login]:
    try:
        return credentials.load(str(path or ""))
    except ValueError as error:
        raise failing.Refused(str(error)) from error


def _settings(path: pathlib.Path) -> config.Settings:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise failing.Refused(f"{path} can't be read: {error}") from error
    return clusters.parsed(text, str(path))


def _known(path: str) -> str:
    """Return a path of the settings where it is one of this machine too; else none."""
    return path if path and pathlib.Path(path).is_file() else ""
