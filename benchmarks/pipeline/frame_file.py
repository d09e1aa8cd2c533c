"""Many JPEG frames in one file that processes share: too many for the memory of each."""

import mmap
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from ...edge_runtime.files import whole_file


def write_frames(path: Path, frames: Iterable[bytes]) -> None:
    """Writes them one after the other, and where each ends into `path` with `.ends.npy`.

    Raises:
        OutputFailed, PermissionRefused: they cannot be written.
    """
    ends = [0]
    with whole_file(path) as beside, beside.open("wb") as file:
        for frame in frames:
            file.write(frame)
            ends.append(ends[-1] + len(frame))
    with whole_file(_ends_of(path)) as beside:
        np.save(beside, np.array(ends, np.int64))


class FrameFile(Sequence[bytes]):
    """The frames of a file, read when they are asked for."""

    def __init__(self, path: Path) -> None:
        self._ends = np.load(_ends_of(path)).tolist()
        with path.open("rb") as file:
            self._content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, index: int) -> bytes:  # pyright: ignore[reportIncompatibleMethodOverride] - no slices
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self._content[self._ends[index] : self._ends[index + 1]]

    def for_ever(self) -> Iterator[bytes]:
        """One after the other, from the first again after the last."""
        while True:
            yield from self

    @property
    def median_bytes(self) -> int:
        """Of a frame."""
        return int(np.median(np.diff(self._ends)))


def _ends_of(path: Path) -> Path:
    return path.with_suffix(".ends.npy")
