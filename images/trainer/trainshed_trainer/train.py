"""`python3 -m trainshed_trainer.train`: train a built-in model, as a job or on a laptop."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import pathlib
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from trainshed_trainer import accounts, context, cpus, errors, leaving, schema

if TYPE_CHECKING:
    from trainshed_trainer.data import preparing
    from trainshed_trainer.training import backends


def main(arguments: Sequence[str] | None = None) -> int:
    """Train what the spec says; return the exit code."""
    try:
        spec = _spec(arguments)
        cpus.advise(os.environ)  # what follows reads it when it is imported
        _train(spec)
    except errors.TrainerError as error:
        print(f"{error.reason}: {error}", file=sys.stderr)  # noqa: T201
        _leave(error)
        return error.exit_code
    return errors.EXIT_DONE


def _train(spec: schema.Spec) -> None:
    from trainshed_trainer import observing
    from trainshed_trainer.data import preparing
    from trainshed_trainer.training import checkpoints, loop, ranks

    among, known = ranks.read(), context.read()
    data = preparing.prepare(spec.data, folds=_folds(spec.evaluation, known.fold))
    framework = importlib.import_module(f"trainshed_trainer.training.{spec.framework}")
    backend: backends.Backend = framework.open(spec, data, among=among)
    keeper = None
    if spec.checkpoint is not None:
        place, identity = known.checkpoint_dir, checkpoints.identify(spec, data)
        keeper = checkpoints.open(spec.checkpoint, place, identity, writes=among.first)
    watch = observing.watching(spec, data, backend, known=known, among=among)
    with contextlib.closing(backend), watch as watching:
        samples = len(data.train.labels)
        loop.train(
            spec.training, backend, samples=samples, keeper=keeper, among=among, watching=watching
        )


def _folds(asked: schema.Evaluation, fold: int | None) -> preparing.Folds | None:
    """Return which part of the data is held out here, in a cross-validation."""
    from trainshed_trainer.data import preparing

    if asked.cross_validation is None:
        return None
    count = asked.cross_validation.folds
    if fold is None or fold >= count:
        raise errors.ConfigurationError(
            f"evaluation.crossValidation has {count} folds: set TRAINSHED_FOLD to one of"
            f" 0 to {count - 1}",
            reason="InvalidSpec",
        )
    return preparing.Folds(count, fold)


def _leave(error: errors.TrainerError) -> None:
    """Leave an account where the run had not begun and so has left none."""
    path = context.read().account_file
    if path and accounts.read(path) is None:
        account = {"v": 1, "outcome": "failed", **error.account()}
        accounts.write(path, accounts.compact({"account": account}))


def _spec(arguments: Sequence[str] | None) -> schema.Spec:
    parser = argparse.ArgumentParser(prog="trainshed_trainer.train", description=__doc__)
    parser.add_argument("--spec", default=os.environ.get("TRAINSHED_SPEC_FILE"), help="JSON file")
    parser.add_argument("--framework", default="pytorch", help="pytorch or tensorflow")
    parser.add_argument("--model", default="cnn")
    parser.add_argument("--data", default="digits")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=64)
    asked = parser.parse_args(arguments)
    if asked.spec:
        return schema.read(_document(asked.spec))
    training = {"epochs": asked.epochs, "batchSize": asked.batch_size}
    model, data = {"name": asked.model}, {"name": asked.data}
    return schema.read(
        {"framework": asked.framework, "model": model, "data": data, "training": training}
    )


def _document(path: str) -> Any:
    try:
        return json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise errors.ConfigurationError(
            f"{path} can't be read as JSON ({error}): name another file by --spec",
            reason="InvalidSpec",
        ) from error


if __name__ == "__main__":
    leaving.after(main)
