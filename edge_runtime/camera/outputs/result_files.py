"""Result files: the annotated picture of each answer in a folder, and all answers as one CSV table."""

import csv
import io
from dataclasses import replace
from pathlib import Path

from ...errors import OutputFailed, UsageError, writing_failed
from ...files import check_writable, keep_for_one, write_whole
from ...images.opencv import cv2
from ..answer import Answer, Sink
from .overlay import annotate

_KEPT_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
"""Formats that OpenCV writes in every build; pictures of another format are written as PNG."""


class PictureFolder(Sink):
    """Writes each image with its answer drawn over it, under the image's own file name.

    Args:
        folder: made when missing. Files there are replaced; of two images with the same name, the second
            gets a number: `cat.jpg`, `cat-2.jpg`.

    Raises:
        OutputFailed, PermissionRefused: nothing can be written there.
    """

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise writing_failed(folder, error) from error
        check_writable(folder / "picture.png")
        self._folder = folder
        self._written: set[Path] = set()

    def write(self, answer: Answer) -> None:
        """See `Sink.write`.

        Raises:
            UsageError: the file would replace the image itself.
            OutputFailed: the disk is full, or OpenCV cannot write the format.
        """
        original = Path(answer.frame.name)
        path = self._path_for(original)
        if path.exists() and original.exists() and path.samefile(original):
            raise UsageError(f"--save {self._folder}: would replace {original} itself; name another folder")
        pixels = annotate(answer.frame.pixels, answer.prediction, replace(answer.timing, fps=None))
        done, encoded = cv2.imencode(path.suffix, pixels)
        if not done:
            raise OutputFailed(f"cannot write {path}: OpenCV has no encoder for {path.suffix}")
        write_whole(path, encoded.tobytes())
        self._written.add(path)

    def _path_for(self, original: Path) -> Path:
        suffix = original.suffix if original.suffix.lower() in _KEPT_SUFFIXES else ".png"
        path, number = self._folder / f"{original.stem}{suffix}", 1
        while path in self._written:
            number += 1
            path = self._folder / f"{original.stem}-{number}{suffix}"
        return path


class CsvFile(Sink):
    """Writes a table of all answers when it is closed: the whole file, or none.

    Columns: `image`; `label`, empty for "unknown"; then the ranking, `class_1,confidence_1,class_2,...` with
    confidences 0 to 1.

    Raises:
        BadConfiguration: another process writes the file.
        OutputFailed, PermissionRefused: the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._held = keep_for_one(path)
        self._path = path
        self._rows: list[list[str]] = []
        self._is_source = False

    def write(self, answer: Answer) -> None:
        """See `Sink.write`; raises UsageError if the table would replace the image itself."""
        original = Path(answer.frame.name)
        if self._path.exists() and original.exists() and self._path.samefile(original):
            self._is_source = True
            raise UsageError(f"--csv {self._path}: would replace the image itself; choose another name")
        ranking = [cell for label, share in answer.prediction.ranking for cell in (label, f"{share:.6f}")]
        self._rows.append([answer.frame.name, answer.prediction.label or "", *ranking])

    def close(self) -> None:
        """See `Sink.close`."""
        ranks = max((len(row) // 2 - 1 for row in self._rows), default=1)
        headings = [
            heading for rank in range(1, ranks + 1) for heading in (f"class_{rank}", f"confidence_{rank}")
        ]
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([["image", "label", *headings], *self._rows])
        # A name that is not UTF-8 becomes an escape, as in the lines on stdout.
        try:
            if self._is_source:
                return
            write_whole(self._path, text.getvalue().encode(errors="backslashreplace"))
        finally:
            if self._held:
                self._held.close()
