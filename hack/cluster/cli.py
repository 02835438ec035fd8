"""The commands: up, down, status, load, info, logs and programs."""

from __future__ import annotations

import collections
import contextlib
import fcntl
import json
import os
import pathlib
import time
from collections.abc import Iterator
from typing import Annotated

import typer

from hack import apiserver, identities
from hack.cluster import console, errors, programs, settings
from hack.cluster.host import provider as host
from hack.cluster.providers import base, choice, existing, kind

app = typer.Typer(
    help="A real Kubernetes cluster on this machine, with a registry and a Prometheus.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
Name = Annotated[str, typer.Option(help="Which cluster; each has its own folders.")]
Output = Annotated[str, typer.Option("-o", "--output", help="text or json")]


def main() -> None:
    """Run the command line; what stops a command is one sentence and code 1."""
    try:
        app()
    except (errors.ClusterError, apiserver.Refused, identities.Unusable) as error:
        console.Console().error(str(error))
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        console.Console().error("interrupted: run `up` again to go on, or `down` to clean up")
        raise SystemExit(130) from None


@app.command()
def up(
    provider: Annotated[
        str | None, typer.Option(envvar="TRAINSHED_PROVIDER", help="host, kind or existing")
    ] = None,
    kwok: Annotated[int | None, typer.Option(min=0, help="How many fake nodes")] = None,
    devices: Annotated[
        bool | None, typer.Option(help="Fake GPU and FPGA nodes; kind begins with them")
    ] = None,
    context: Annotated[str | None, typer.Option(help="Of which kubeconfig (existing)")] = None,
    registry: Annotated[str | None, typer.Option(help="Registry's URL (existing)")] = None,
    prometheus: Annotated[str | None, typer.Option(help="Its URL (existing)")] = None,
    name: Name = settings.DEFAULT_NAME,
) -> None:
    """Start what is down, and wait until the cluster is ready."""
    shown = console.Console()
    cluster = settings.load(name)
    options = base.Options(
        kwok=kwok, devices=devices, context=context, registry=registry, prometheus=prometheus
    )
    with _locked(cluster, shown=shown):
        with shown.step("choosing a provider"):
            chosen = choice.choose(
                provider or None,
                recorded=choice.recorded(cluster),
                available=_providers(cluster),
                note=shown.note,
            )
        shown.write(f"cluster {name} by the provider {chosen.name}")
        begin(chosen, options, cluster=cluster, shown=shown)
    shown.total(f"up: export KUBECONFIG={chosen.info().kubeconfig}")


@app.command()
def down(name: Name = settings.DEFAULT_NAME) -> None:
    """Remove the cluster and all that was made for it; what stays is named."""
    shown = console.Console()
    cluster = settings.load(name)
    with _locked(cluster, shown=shown):
        if not cluster.state.exists():
            shown.write(f"down: there is no cluster {name}")
            return
        left = _current(cluster, fallback="host").down(shown=shown)
    for each in left:
        shown.note(f"left: {each}")
    shown.total(f"down: {'only that' if left else 'nothing'} of the cluster {name} is left")


@app.command()
def status(name: Name = settings.DEFAULT_NAME, output: Output = "text") -> None:
    """Tell what runs; the code is 1 where something does not."""
    parts = _current(settings.load(name)).status()
    if output == "json":
        typer.echo(json.dumps([part.document() for part in parts], indent=2))
    else:
        for part in parts:
            typer.echo(f"{part.name:20} {part.state:9} {part.detail}")
    raise typer.Exit(0 if all(part.ok for part in parts) else 1)


@app.command()
def load(image: str, name: Name = settings.DEFAULT_NAME) -> None:
    """Bring a local image, or an OCI archive, to where pods can pull it."""
    shown = console.Console()
    reference = _current(settings.load(name)).load(image, shown=shown)
    shown.total(f"loaded {image}")
    typer.echo(reference)


@app.command()
def info(name: Name = settings.DEFAULT_NAME, output: Output = "text") -> None:
    """Tell where the cluster's parts are, for people or (-o json) for programs."""
    document = _current(settings.load(name)).info().document()
    if output == "json":
        typer.echo(json.dumps(document, indent=2))
        return
    for key, value in document.items():
        rows = value.items() if isinstance(value, dict) else [("", value)]
        for detail, text in rows:
            typer.echo(f"{f'{key} {detail}'.strip():16} {text}")


@app.command()
def logs(
    part: Annotated[str | None, typer.Argument(help="One part; all parts without it")] = None,
    lines: Annotated[int, typer.Option("-n", "--lines", min=1)] = 40,
    follow: Annotated[bool, typer.Option("-f", "--follow")] = False,
    name: Name = settings.DEFAULT_NAME,
) -> None:
    """Print the end of one part's log, or name the logs that there are."""
    files = _current(settings.load(name)).logs()
    if part is None:
        for known, path in files.items():
            typer.echo(f"{known:20} {path}")
        return
    if part not in files:
        raise errors.ClusterError(f"no part {part!r}: there are {', '.join(files)}")
    _print_log(files[part], lines=lines, follow=follow)


@app.command(name="programs")
def programs_() -> None:
    """Build or find the Go programs, and print the folder of those that were built."""
    cache = settings.cache()
    programs.ensure(tuple(programs.PROGRAMS), cache=cache, shown=console.Console())
    typer.echo(programs.folder(cache))


def begin(
    chosen: base.Provider,
    options: base.Options,
    *,
    cluster: settings.Settings,
    shown: console.Console,
) -> None:
    """Bring the cluster up; its provider is remembered only where it can begin.

    From then on something may be made, which `down` must find even after a failure.
    """
    chosen.check(options)
    choice.record(cluster, chosen)
    chosen.up(options, shown=shown)


def _providers(cluster: settings.Settings) -> dict[str, base.Provider]:
    known: list[base.Provider] = [
        kind.Kind(cluster),
        host.Host(cluster),
        existing.Existing(cluster),
    ]
    return {provider.name: provider for provider in known}


def _current(cluster: settings.Settings, *, fallback: str | None = None) -> base.Provider:
    name = choice.recorded(cluster) or fallback
    if name is None:
        raise errors.ClusterError(f"there is no cluster {cluster.name}: run `up` first")
    return _providers(cluster)[name]


def _print_log(path: pathlib.Path, *, lines: int, follow: bool) -> None:
    with path.open(encoding="utf-8", errors="replace") as file:
        typer.echo("".join(collections.deque(file, lines)), nl=False)
        while follow:
            if text := file.read():
                typer.echo(text, nl=False)
            else:
                time.sleep(0.2)


@contextlib.contextmanager
def _locked(cluster: settings.Settings, *, shown: console.Console) -> Iterator[None]:
    """Let one command at a time change the clusters of this machine."""
    folder = cluster.state.parent
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with shown.step("waiting for another up or down"):
                fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
