"""TFLite metadata, as MediaPipe, Model Maker, AutoML and the Task library write it: pixels and labels.

It is a FlatBuffer of its own, in a buffer of the model that an entry named TFLITE_METADATA points to, and it
names the label file in the zip behind the model. `export/tflite_metadata.py` writes it. Numbers of fields are
those of TFLite's metadata_schema.fbs.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from ..errors import Damage, Unavailable, damage_text

try:
    flatbuffers: Any = import_module("flatbuffers.table")  # it has no types
    schema: Any = import_module("ai_edge_litert.schema_py_generated")
except ImportError as error:
    raise Unavailable(
        f"reading a .tflite needs LiteRT ({error}); run `pip install ai-edge-litert`, or use the .onnx file"
    ) from error

_NAME = b"TFLITE_METADATA"
_SUBGRAPHS, _INPUTS, _OUTPUTS = 3, 2, 3  # of ModelMetadata; of SubGraphMetadata
_PROCESS_UNITS, _FILES = 4, 6  # of TensorMetadata
_NORMALISATION, _CALIBRATION = 1, 2  # of ProcessUnitOptions
_AXIS_LABELS, _VALUE_LABELS = 2, 3  # of AssociatedFileType
_MOST = 64
"""Tensors, steps, files and numbers that are read."""
_LABEL_BYTES = 4_000_000
_UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, EOFError, OSError),
    *(KeyError, ValueError, NotImplementedError, RuntimeError),
)


@dataclass(frozen=True)
class TfliteMetadata:
    """What the metadata of a model says of its picture and its scores."""

    mean: tuple[float, ...] = ()
    """The input is (pixel - mean) / std, of pixels from 0 to 255: one number, or one for each channel; empty
    where it says nothing."""
    std: tuple[float, ...] = ()
    label_file: str = ""
    """In the zip behind the model."""
    labels: bytes = b""
    """The content of this file."""
    is_calibrated: bool = False
    """Whether the scores are to be calibrated by a table."""


def read_metadata(content: bytes) -> TfliteMetadata:
    """Reads what the metadata of a `.tflite` says; empty where there is none.

    Raises:
        ValueError: damaged.
    """
    try:
        root = _root(content)
        if root is None:
            return TfliteMetadata()
        graph = next(root.tables(_SUBGRAPHS), None)
        given = next(graph.tables(_INPUTS), None) if graph else None
        gives = list(graph.tables(_OUTPUTS)) if graph else []
        mean, std = _normalisation(given) if given else ((), ())
        files = [file for output in gives for file in output.tables(_FILES)]
        labels = [file for file in files if file.byte(2) in (_AXIS_LABELS, _VALUE_LABELS)]
        labels.sort(key=lambda file: file.text(3) not in ("", "en"))  # by locale
        name = labels[0].text(0) if labels else ""
        steps = [step for output in gives for step in output.tables(_PROCESS_UNITS)]
        is_calibrated = any(step.byte(0) == _CALIBRATION for step in steps)
    except (struct.error, LookupError, ValueError, TypeError, OverflowError, AttributeError) as error:
        raise ValueError(f"its TFLite metadata cannot be read: {damage_text(error)}") from error
    return TfliteMetadata(mean, std, name, _file(content, name) if name else b"", is_calibrated)


def _root(content: bytes) -> "_Table | None":
    model = schema.Model.GetRootAs(content)
    for index in range(min(model.MetadataLength(), _MOST)):
        entry = model.Metadata(index)
        if entry.Name() == _NAME:
            data = model.Buffers(entry.Buffer()).DataAsNumpy()
            if isinstance(data, int):
                raise Damage("it is empty")
            held = data.tobytes()
            return _Table(held, struct.unpack_from("<I", held)[0])
    return None


def _normalisation(tensor: "_Table") -> tuple[tuple[float, ...], tuple[float, ...]]:
    for step in tensor.tables(_PROCESS_UNITS):
        if step.byte(0) == _NORMALISATION and (options := step.table(1)):
            return options.floats(0), options.floats(1)
    return (), ()


def _file(content: bytes, name: str) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if archive.getinfo(name).file_size > _LABEL_BYTES:
                raise ValueError("too large")
            return archive.read(name)
    except _UNREADABLE as error:
        raise ValueError(f"its label file {name[:100]!r} cannot be read: {error}") from error


class _Table:
    """A table of a FlatBuffer, by the numbers of its fields; errors as `read_metadata` catches them."""

    def __init__(self, held: bytes, at: int) -> None:
        if not 0 <= at < len(held):
            raise ValueError("an offset outside")
        self._held, self._at = held, at
        self._table = flatbuffers.Table(held, at)

    def _field(self, number: int) -> int:
        offset = int(self._table.Offset(4 + 2 * number))
        return self._at + offset if offset else 0

    def byte(self, number: int) -> int:
        place = self._field(number)
        return self._held[place] if place else 0

    def table(self, number: int) -> "_Table | None":
        place = self._field(number)
        return _Table(self._held, int(self._table.Indirect(place))) if place else None

    def tables(self, number: int) -> Iterator["_Table"]:
        for place in self._entries(number, 4):
            yield _Table(self._held, int(self._table.Indirect(place)))

    def floats(self, number: int) -> tuple[float, ...]:
        return tuple(struct.unpack_from("<f", self._held, place)[0] for place in self._entries(number, 4))

    def text(self, number: int) -> str:
        place = self._field(number)
        return bytes(self._table.String(place)).decode() if place else ""

    def _entries(self, number: int, size: int) -> Iterator[int]:
        place = self._field(number)
        if place:
            relative = place - self._at
            count, start = int(self._table.VectorLen(relative)), int(self._table.Vector(relative))
            if count > _MOST or start + size * count > len(self._held):
                raise Damage(f"a list of {count:,} entries")
            yield from range(start, start + size * count, size)
