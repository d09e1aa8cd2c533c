"""External data: weights that torch writes into another file beside an ONNX file, taken into it.

Such a file may name any other by its path. Only one is read: a plain file in the same folder, under a plain
name that ends as weights do, which is no link, and holds exactly what the tensors say, none of them twice.
What is then passed on is one file with all its weights, as if it had been written that way.
"""

import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from pathlib import Path

from ..errors import BadModel, MissingInput, reading_failed
from ..files import MODEL_BYTES
from .protobuf import field, fields, spans, varints

# Field numbers of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
_GRAPH, _INITIALIZER = 7, 5
_DIMS, _DATA_TYPE, _RAW_DATA, _EXTERNAL_DATA, _DATA_LOCATION = 1, 2, 9, 13, 14
_ITEM_BYTES = {1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 16: 2}
"""By TensorProto.DataType."""
_NAME = re.compile(r"[^./\\\x00-\x1f][^/\\\x00-\x1f]{0,200}(\.data|_data|\.bin|\.weights)")
_PADDING_BYTES = 1 << 16
"""What may follow the last tensor: it is padded to a page."""
_REMEDY = "or export it as one file: `torch.onnx.export(..., external_data=False)`"


@dataclass(frozen=True)
class _HeldAt:
    """Where the values of a tensor are."""

    location: str
    start: int
    end: int


def with_external_data(content: bytes, path: Path) -> bytes:
    """Returns an `.onnx` with the weights inside that it has in a file beside it; as it is where it has none.

    Raises:
        BadModel: they are anywhere else, or the file is not the one that belongs to it.
        MissingInput, PermissionRefused, ReadFailed: it cannot be read.
    """
    if b"location" not in content:
        return content
    try:
        places = list(_places(content))
    except (ValueError, UnicodeDecodeError):
        return content  # its reader says what is wrong with it
    if not places:
        return content
    data = _read(places, len(content), path)
    taken = iter(places)

    def held() -> bytes:
        place = next(taken)
        return data[place.start : place.end]

    return _rebuilt(
        content, _GRAPH, lambda graph: _rebuilt(graph, _INITIALIZER, lambda tensor: _held(tensor, held))
    )


def _rebuilt(message: bytes, number: int, rebuild: Callable[[bytes], bytes]) -> bytes:
    """A message with each field of this number rebuilt."""
    return b"".join(
        field(number, rebuild(message[start:end])) if found == number else message[begin:end]
        for found, begin, start, end in spans(message)
    )


def _held(tensor: bytes, held: Callable[[], bytes]) -> bytes:
    if not any(number == _EXTERNAL_DATA for number, *_ in spans(tensor)):
        return tensor
    kept = (
        tensor[begin:end]
        for number, begin, _, end in spans(tensor)
        if number not in (_EXTERNAL_DATA, _DATA_LOCATION, _RAW_DATA)
    )
    return b"".join(kept) + field(_RAW_DATA, held())


def _places(content: bytes) -> Iterator[_HeldAt]:
    """Where the initializers have external data; what has it elsewhere is refused by its reader."""
    for number, graph in fields(content):
        if number != _GRAPH:
            continue
        for inside, tensor in fields(graph):
            if inside == _INITIALIZER and (place := _place(tensor)):
                yield place


def _place(tensor: bytes) -> _HeldAt | None:
    told: dict[str, str] = {}
    dims: list[int] = []
    data_type = 0
    for number, value in fields(tensor):
        if number == _EXTERNAL_DATA:
            entry = dict(fields(value))
            told[entry.get(1, b"").decode()] = entry.get(2, b"").decode()
        elif number == _DIMS:
            dims += varints(value)
        elif number == _DATA_TYPE:
            data_type = varints(value)[0]
    if not told:
        return None
    start = int(told.get("offset") or 0)
    size = prod(dims) * _ITEM_BYTES.get(data_type, 0)
    if (
        min([start, *dims]) < 0
        or int(told.get("length") or size) != size
        or (dims and not size and prod(dims))
    ):
        start, size = -1, 0  # not a place
    return _HeldAt(told.get("location", ""), start, start + size)


def _read(places: list[_HeldAt], content_bytes: int, path: Path) -> bytes:
    """The file that they all are in, which has to be the one that they describe."""
    locations = sorted({place.location for place in places})
    needed = max(place.end for place in places)
    if len(locations) > 1:
        raise BadModel(
            f"{path}: has its weights in {len(locations):,} other files; save them in one, {_REMEDY}"
        )
    (location,) = locations
    if not _NAME.fullmatch(location):
        raise BadModel(
            f"{path}: has its weights at {location[:80]!r}, in no .data file beside it; move them, {_REMEDY}"
        )
    if _are_odd(places) or content_bytes + needed > MODEL_BYTES:
        raise BadModel(
            f"{path}: its weights in {location} overlap, or are not where tensors can be; {_REMEDY[3:]}"
        )
    beside = path.with_name(location)
    try:
        descriptor = os.open(
            beside, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        )
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
                raise BadModel(f"{path}: {location} is a link or no file; copy the file itself, {_REMEDY}")
            if not needed <= status.st_size <= needed + _PADDING_BYTES:
                raise BadModel(
                    f"{path}: its weights are {needed:,} bytes, and {location} has {status.st_size:,}; take "
                    f"the right one, {_REMEDY}"
                )
            return file.read(needed)
    except FileNotFoundError:
        raise MissingInput(
            f"{path}: has its weights in {location}; copy that file beside it, {_REMEDY}"
        ) from None
    except OSError as error:
        if beside.is_symlink():
            raise BadModel(f"{path}: {location} is a link; copy the file itself, {_REMEDY}") from error
        raise reading_failed(beside, error) from error


def _are_odd(places: list[_HeldAt]) -> bool:
    ordered = sorted(places, key=lambda place: (place.start, place.end))
    overlap = any(later.start < former.end for former, later in pairwise(ordered))
    return overlap or ordered[0].start < 0
