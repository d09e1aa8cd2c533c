"""Originals: pictures of a data set in the size in which they lie there, not prepared for a network."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np

from ..edge_runtime.errors import EdgeclsError
from ..edge_runtime.images.prepare import decode_reduced, to_bgr
from ..edge_runtime.images.rule import Box, ImageRule
from .archives.open import is_archive, open_archive
from .folders.name_encodings import NameHints
from .load import is_path
from .store import read_in

_LEAST_SIDE_PX = 360
"""A large JPEG is decoded only as far as this is left."""


class Originals:
    """The pictures of one part of a data set, read when they are asked for, and once.

    Args:
        source: `--data`; pictures of a data set that is known by name have no files.
        files: of the pictures, in their order; empty where there are none.
        prepared: uint8 (N, *rule.shape), what stands for a picture that cannot be read.
        rule: how they are prepared.
    """

    def __init__(self, source: str, files: Sequence[str], prepared: np.ndarray, rule: ImageRule) -> None:
        self._source, self._files, self._prepared, self._rule = source, files, prepared, rule
        self._read: dict[int, np.ndarray] = {}

    def of(self, indices: Iterable[int]) -> list[np.ndarray]:
        """Returns pictures, uint8 (H, W, 3) BGR, each with at least its prepared size."""
        wanted = list(indices)
        new = [index for index in wanted if index not in self._read]
        found = self._from_files(new)
        for index in new:
            self._read[index] = found.get(index, to_bgr(self._prepared[index], self._rule))
        return [self._read[index] for index in wanted]

    def _from_files(self, indices: list[int]) -> dict[int, np.ndarray]:
        if not (indices and is_path(self._source) and len(self._files) == len(self._prepared)):
            return {}
        path = Path(self._source).expanduser()
        try:
            if path.is_dir():
                return _decoded(partial(read_in, path), {index: self._files[index] for index in indices})
            if is_archive(path):
                with open_archive(path, NameHints()) as store:
                    return _decoded(store.read, {index: self._files[index] for index in indices})
        except EdgeclsError:  # gone since, or its names need what was said when it was loaded
            pass
        return {}


def _decoded(read: Callable[[PurePosixPath], bytes], files: dict[int, str]) -> dict[int, np.ndarray]:
    rule = ImageRule(_LEAST_SIDE_PX, _LEAST_SIDE_PX)
    found: dict[int, np.ndarray] = {}
    for index, file in files.items():
        try:
            found[index] = decode_reduced(read(PurePosixPath(file)), rule, _whole, file).pixels
        except EdgeclsError:
            continue
    return found


def _whole(height_px: int, width_px: int) -> Box:
    return Box(0, 0, height_px, width_px)
