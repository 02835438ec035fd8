"""TensorBoard's files: the curves, the spec and the model's graph, the same in both frameworks."""

from __future__ import annotations

import contextlib
import os
import pathlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trainshed_trainer import run, schema
from trainshed_trainer.evaluation import lenses
from trainshed_trainer.reporting import fields

if TYPE_CHECKING:
    from tensorboardX import event_file_writer

FOLDER = "tensorboard"
ROOM = "give visualization.volume more room"
FLUSH_SECONDS = 10.0
"""How old what TensorBoard shows may be: each flush waits for the volume."""
TAGS = {
    "loss": "training/loss",
    "learning rate": "training/learning_rate",
    "samples/s": "training/samples_per_second",
}
INPUT = "input"


class Board:
    """An observer that writes event files; `point` takes the curves.

    Not by tensorboardX's SummaryWriter: its thread ends at a full disk, and the run then hangs.
    """

    def __init__(
        self,
        spec: schema.Spec,
        *,
        folder: str,
        lens: Callable[[], lenses.Lens],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._spec = spec
        self._lens = lens
        self._clock = clock
        self._flushed = clock()
        self._has_graph = False
        self._failure = ""
        """Why there are no more files, until it is told."""
        self._file: event_file_writer.EventsWriter | None = None
        self._begin(pathlib.Path(folder) / FOLDER)

    def point(self, name: str, step: int, value: float) -> None:
        """Write one value of a curve."""
        if self._file is None:
            return
        from tensorboardX import summary

        tag = TAGS.get(name) or f"held-out/{name.removeprefix('held-out ')}"
        self._write(step=step, summary=summary.scalar(tag, value))

    def stepping(self, telling: run.Run) -> None:
        """Nothing to do: the curves come by `point`."""

    def evaluated(self, telling: run.Run, found: Mapping[str, float]) -> None:
        """Write the model's graph, once."""
        if self._file is not None and not self._has_graph:
            self._has_graph = True
            self._write(graph_def=graph(self._lens().layers()))
        self._tell(telling)

    def finished(self, telling: run.Run) -> None:
        """Write what the run was, and what it came to, for a comparison of runs."""
        if self._file is not None:
            from tensorboardX import summary

            told = {f"held-out/{name}": value for name, value in telling.metrics.items()}
            for each in summary.hparams(fields.of(self._spec), told):
                self._write(step=telling.step, summary=each)
            self._flush()
        self._tell(telling)

    def close(self) -> None:
        """Write what is held back, and end the file."""
        if self._file is not None:
            with self._guarded():
                self._file.close()
        self._file = None

    def _begin(self, folder: pathlib.Path) -> None:
        try:
            from tensorboardX import event_file_writer, summary
        except ImportError:
            self._give_up("no tensorboardX here: install it")
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = event_file_writer.EventsWriter(str(folder / "events"), f".{os.getpid()}")
        except OSError as error:
            self._give_up(f"{error}: {ROOM}")
            return
        rows = [f"| {name} | `{value}` |" for name, value in fields.of(self._spec).items()]
        self._write(summary=summary.text("spec", "\n".join(["| field | value |", "|-|-|", *rows])))

    def _write(self, **what: Any) -> None:
        """Write one event, unless the file is given up."""
        from tensorboardX.proto import event_pb2

        if self._file is None:
            return
        with self._guarded():
            self._file.write_event(event_pb2.Event(wall_time=time.time(), **what))
        if self._clock() - self._flushed > FLUSH_SECONDS:
            self._flushed = self._clock()
            self._flush()

    def _flush(self) -> None:
        if self._file is not None:
            with self._guarded():
                self._file.flush()

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        """Give the file up where it takes no more."""
        try:
            yield
        except OSError as error:
            self._file = None
            self._give_up(f"{error}: {ROOM}")

    def _give_up(self, why: str) -> None:
        # A run is as good without TensorBoard's files.
        self._failure = f"TensorBoardFailed: no more of its files: {why}"
        print(f"trainshed: {self._failure}", file=sys.stderr)  # noqa: T201

    def _tell(self, telling: run.Run) -> None:
        """Put what went wrong into the account, once."""
        if self._failure:
            telling.warn(self._failure)
        self._failure = ""


def graph(layers: Sequence[lenses.Layer]) -> bytes:
    """Return the layers as TensorBoard's graph, a GraphDef."""
    from tensorboardX.proto import attr_value_pb2, graph_pb2, node_def_pb2, tensor_shape_pb2

    nodes = [node_def_pb2.NodeDef(name=INPUT, op="Placeholder")]
    for each in layers:
        sizes = [tensor_shape_pb2.TensorShapeProto.Dim(size=size) for size in (-1, *each.shape)]
        shape = tensor_shape_pb2.TensorShapeProto(dim=sizes)
        shapes = attr_value_pb2.AttrValue.ListValue(shape=[shape])
        node = node_def_pb2.NodeDef(name=_path(each.name), op=each.kind)
        node.input.extend(_path(name) for name in each.after or (INPUT,))
        node.attr["_output_shapes"].CopyFrom(attr_value_pb2.AttrValue(list=shapes))
        nodes.append(node)
    whole: bytes = graph_pb2.GraphDef(node=nodes).SerializeToString()
    return whole


def _path(name: str) -> str:
    """Return a layer's name as TensorBoard has it, which groups what is below a slash."""
    return name.replace(".", "/")
