"""The commands: build, push, list, smoke, run and clean."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import sys
from typing import Annotated

import rich.console
import rich.table
import typer

from hack.cluster import console, settings
from hack.images import building, catalogue, errors, places, programs, pushing, rootfs, running
from hack.images.engines import base as engines
from hack.images.engines import choice

app = typer.Typer(
    help="The container images: base, operator, pytorch and tensorflow.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
Names = Annotated[list[str] | None, typer.Argument(help="Which images; all where none is named")]
Engine = Annotated[str | None, typer.Option(envvar="TRAINSHED_ENGINE", help="buildah or docker")]
Registry = Annotated[str, typer.Option(envvar="TRAINSHED_REGISTRY", help="Its URL, or host:port")]
Plain = Annotated[bool, typer.Option("--plain-http", help="Speak to the registry without TLS")]


def main() -> None:
    """Run the command line; what stops a command is one sentence and code 1."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that programs end with this
    try:
        app()
    except errors.ImagesError as error:
        console.Console().error(str(error))
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        console.Console().error("interrupted: run it again to go on")
        raise SystemExit(130) from None


@app.command()
def build(
    names: Names = None,
    base: Annotated[
        str | None, typer.Option(envvar="BASE", help="A Debian image to stand on, not a local one")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Build again what is up to date")] = False,
    engine: Engine = None,
) -> None:
    """Build the images that are out of date."""
    shown = console.Console()
    run = programs.Programs()
    lie = places.load()
    chosen = choice.choose(engine, lie=lie, run=run)
    builder = building.Builder(chosen, lie, run, shown, base=base or None, fresh=fresh)
    images = catalogue.with_base(catalogue.select(names or []))
    built = builder.build(images)
    kept = [image.name for image in images if image.name not in built]
    parts = [f"built {', '.join(built)}"] if built else []
    parts += [f"{', '.join(kept)} up to date"] if kept else []
    shown.total(f"images: {'; '.join(parts)}")


@app.command()
def push(
    names: Names = None,
    registry: Registry = settings.REGISTRY,
    plain_http: Plain = False,
    engine: Engine = None,
) -> None:
    """Push the images to a registry that may lack them; prints each by its digest.

    Each gets two tags: `dev`, and the version under which the chart looks for it.
    """
    shown = console.Console()
    lie = places.load()
    target = _registry(registry, plain_http=plain_http)
    chosen = choice.choose(engine, lie=lie, run=programs.Programs())
    pusher = pushing.Pusher(chosen, lie.pushed, target.digest)
    tags = catalogue.tags(lie.root)
    for image, tag in itertools.product(catalogue.select(names or []), tags):
        with shown.step(f"pushing {image.name}:{tag} to {target.address}") as step:
            log = lie.logs / f"push-{image.name}.log"
            on_line = engines.Steps(step.update)
            pushed = pusher.push(image, target, tag=tag, log=log, on_line=on_line)
            step.update("sent" if pushed.sent else "it was there")
        sys.stdout.write(f"{pushed.ref}@{pushed.digest}\n")


@app.command("list")
def list_(
    registry: Registry = settings.REGISTRY,
    output: Annotated[str, typer.Option("-o", "--output", help="text or json")] = "text",
    engine: Engine = None,
) -> None:
    """List the images: by the names that pods pull (json), or with size and age (text)."""
    target = _registry(registry, plain_http=False)
    if output == "json":
        refs = {image.name: target.ref(image) for image in catalogue.IMAGES}
        sys.stdout.write(json.dumps(refs) + "\n")
        return
    chosen = choice.choose(engine, lie=places.load(), run=programs.Programs())
    table = rich.table.Table("image", "id", "size", "created", box=None, pad_edge=False)
    for name in [rootfs.REF, *(image.local for image in catalogue.IMAGES)]:
        found = chosen.find(name)
        if found is None:
            table.add_row(name, "not built", "", "")
        else:
            table.add_row(name, found.id[:12], chosen.size(name), found.created[:19])
    rich.console.Console().print(table)


@app.command()
def smoke(names: Names = None, engine: Engine = None) -> None:
    """Run each image's own check in it."""
    inside = _inside(engine)
    failed = [image.name for image in catalogue.select(names or []) if inside.check(image) != 0]
    if failed:
        raise errors.CommandFailed(f"the check of {', '.join(failed)} failed: see above")


@app.command(context_settings={"ignore_unknown_options": True})
def run(
    name: Annotated[str, typer.Argument(help="Which image")],
    command: Annotated[list[str], typer.Argument(help="After --")],
    env: Annotated[list[str] | None, typer.Option("--env", help="NAME=VALUE")] = None,
    engine: Engine = None,
) -> None:
    """Run a command in an image, in the working tree, with pytest at hand."""
    (image,) = catalogue.select([name])
    given = dict(one.partition("=")[::2] for one in env or [])
    raise SystemExit(_inside(engine).command(image, command, environment=given))


@app.command()
def clean() -> None:
    """Remove all images of buildah's store and what was made for them."""
    lie = places.load()
    if lie.storage.is_dir():
        choice.choose("buildah", lie=lie, run=programs.Programs()).tidy()
    for folder in (lie.cache, lie.run):
        if os.path.isdir(folder):
            shutil.rmtree(folder)


def _registry(address: str, *, plain_http: bool) -> pushing.Registry:
    """Return the registry; the local cluster's speaks no TLS."""
    return pushing.registry(address, plain_http=plain_http or address == settings.REGISTRY)


def _inside(engine: str | None) -> running.Inside:
    programs_ = programs.Programs()
    lie = places.load()
    return running.Inside(choice.choose(engine, lie=lie, run=programs_), lie, programs_)
