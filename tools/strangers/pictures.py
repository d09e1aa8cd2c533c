"""The pictures of the corpus as files: six to compare answers on, and class folders."""

from pathlib import Path

import cv2
import numpy as np

from .makers.given import CELL_PX, LABELS, TEST_CELLS, TEST_NAMES, drawn

_LABEL_FILES = {
    "labels.txt": "cat\ndog\nbird\n",
    "labels_numbered.txt": "0 cat\n1 dog\n2 bird\n",
    "labels_two.txt": "cat\ndog\n",
    "labels_bom.txt": "\ufeffcat\r\ndog\r\nbird\r\n",
    "labels_list.json": '["cat", "dog", "bird"]',
    "labels_map.json": '{"0": "cat", "1": "dog", "2": "bird"}',
    "class_indices.json": '{"cat": 0, "dog": 1, "bird": 2}',
    "data.yaml": "path: ../animals\ntrain: train\nval: val\n\nnames:\n  0: cat\n  1: dog\n  2: bird\n",
    "names_list.yaml": "nc: 3\nnames: [cat, dog, bird]\n",
}


def write_pictures(folder: Path, each_class: int = 12) -> None:
    """Writes `pictures/`, `classes/` with `each_class` pictures of each, and label files of all forms."""
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    for name, cells in zip(TEST_NAMES, TEST_CELLS, strict=True):
        _write(folder / "pictures" / name, cells)
    cells, kinds = drawn(each_class * len(LABELS), seed=3)
    for index, (square, kind) in enumerate(zip(cells, kinds, strict=True)):
        place = folder / "classes" / LABELS[kind]
        place.mkdir(parents=True, exist_ok=True)
        _write(place / f"{index:03}.png", square)
    for name, text in _LABEL_FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "labels_utf16.txt").write_bytes("cat\r\ndog\r\nbird\r\n".encode("utf-16"))


def _write(path: Path, cells: np.ndarray) -> None:
    pixels = cells.repeat(CELL_PX, axis=0).repeat(CELL_PX, axis=1)
    if not cv2.imwrite(str(path), pixels[..., ::-1]):
        raise OSError(f"{path}: not written")
