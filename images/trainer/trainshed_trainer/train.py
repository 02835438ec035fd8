"""`python3 -m trainshed_trainer.train`: train a built-in model, as a job or on a laptop."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import pathlib
import sys
from collections.abc import Sequence

from trainshed_trainer import accounts, context, errors, run, schema
from trainshed_trainer.data import digits, preparing


def main(arguments: Sequence[str] | None = None) -> int:
    """Train what the spec says; return the exit code."""
    try:
        spec = _spec(arguments)
        from trainshed_trainer.training import pytorch

        images, labels = digits.load()
        data = preparing.prepare(images, labels, spec.data, classes=digits.CLASSES)
        pytorch.train(spec, data)
    except errors.TrainerError as error:
        print(f"{error.reason}: {error}", file=sys.stderr)  # noqa: T201
        _leave(error)
        return error.exit_code
    return errors.EXIT_DONE


def _leave(error: errors.TrainerError) -> None:
    """Leave an account where the run had not begun and so has left none."""
    path = context.read().account_file
    if path and accounts.read(path) is None:
        account = {"v": 1, "outcome": "failed", **run.told(error)}
        accounts.write(path, accounts.compact({"account": account}))


def _spec(arguments: Sequence[str] | None) -> schema.Spec:
    parser = argparse.ArgumentParser(prog="trainshed_trainer.train", description=__doc__)
    parser.add_argument("--spec", default=os.environ.get("TRAINSHED_SPEC_FILE"), help="JSON file")
    parser.add_argument("--model", default="cnn")
    parser.add_argument("--data", default="digits")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch-size", type=int, default=64)
    asked = parser.parse_args(arguments)
    if asked.spec:
        return schema.read(json.loads(pathlib.Path(asked.spec).read_text(encoding="utf-8")))
    training = dataclasses.replace(
        schema.Training(), epochs=asked.epochs, batch_size=asked.batch_size
    )
    return schema.Spec(
        model=schema.Model(name=asked.model),
        data=schema.Data(name=asked.data),
        training=training,
    )


if __name__ == "__main__":
    raise SystemExit(main())
