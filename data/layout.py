"""Class folders: which file is an image of which class, from the paths alone; and the background class."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Literal

from ..edge_runtime.camera.recording import ANSWERS_NAME, HEADER_NAME
from ..edge_runtime.errors import BadData
from .store import Store

PartName = Literal["train", "val", "test"]

_PART_FOLDERS: dict[str, PartName] = {
    "train": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}
BACKGROUND_NAMES = ("background", "none", "none of these", "nothing", "other", "unknown")
"""Names of a folder with pictures of none of the other classes; in any case, with `_` or `-` for a space or
around it: `_background_`."""
EXPECTED = (
    "put the images of each class into a folder with its name, such as cat/1.jpg and dog/1.jpg, "
    "or train/cat/1.jpg and test/cat/1.jpg"
)


@dataclass(frozen=True)
class Layout:
    """The classes of a data set and the files of each."""

    labels: tuple[str, ...]
    """Sorted by name."""
    parts: dict[PartName, list[tuple[PurePosixPath, int]]]
    """(file, class), one of each class in turn, so that the first images show every class."""
    outside: list[PurePosixPath]
    """Files in no class folder."""
    groups: dict[PurePosixPath, PurePosixPath] = field(default_factory=dict[PurePosixPath, PurePosixPath])
    """Of each picture of a recording: the recording's folder, which holds `recording.json`."""


def find_layout(store: Store) -> Layout:
    """Finds class folders, at the top or in `train/`, `val/` and `test/`; skips a folder around everything.

    Raises:
        BadData: no class folders, only one, or not the same ones in each part.
    """
    files = sorted(path for path in store.files if not _is_hidden(path))
    folders = {path for path in store.folders if not _is_hidden(path)} | {path.parent for path in files}
    depth = _depth_of_wrapper(folders)
    has_parts = any(len(path.parts) >= depth + 2 and _part(path.parts[depth]) == "train" for path in folders)
    members: dict[PartName, dict[str, list[PurePosixPath]]] = {}
    for folder in folders:
        if place := _class_folder(folder, depth, has_parts):
            part, label = place
            members.setdefault(part, {}).setdefault(label, [])
    outside = []
    for file in files:
        if place := _class_folder(file.parent, depth, has_parts):
            part, label = place
            members[part][label].append(file)
        else:
            outside.append(file)
    labels = _common_labels({part: set(classes) for part, classes in members.items()}, store.name)
    return Layout(
        labels,
        {part: _in_turn([classes[label] for label in labels]) for part, classes in members.items()},
        outside,
        _recordings(store.files, files),
    )


def find_background(labels: tuple[str, ...], name: str) -> str | None:
    """Returns the label that means "none of these", or None.

    Raises:
        BadData: several labels do; `name` is the data set's, for the message.
    """
    found = [label for label in labels if _plain(label) in BACKGROUND_NAMES]
    if len(found) > 1:
        raise BadData(
            f"{name}: several classes mean none of the others: {', '.join(found)}; "
            "put their pictures into one folder, or give a real class another name"
        )
    return found[0] if found else None


def printable(name: str) -> str:
    """Returns a file's or folder's name as text that any terminal and font can show.

    Composed (NFC), because macOS decomposes the names in its zips and `é` must be one class; undecodable
    bytes and control characters become U+FFFD.
    """
    return "".join(c if c.isprintable() else "\ufffd" for c in unicodedata.normalize("NFC", name))


def _is_hidden(path: PurePosixPath) -> bool:
    """Whether systems leave it behind (`.DS_Store`, `__MACOSX`), or `edgecls camera --record` writes it."""
    if path.name in (HEADER_NAME, ANSWERS_NAME):
        return True
    return any(part.startswith(".") or part == "__MACOSX" for part in path.parts)


def _depth_of_wrapper(folders: Iterable[PurePosixPath]) -> int:
    """Returns how many folders lie around everything: zip tools and downloads often add one."""
    depth = 0
    while True:
        tops = {path.parts[depth] for path in folders if len(path.parts) > depth}
        holds_folders = any(len(path.parts) > depth + 1 for path in folders)
        if len(tops) != 1 or not holds_folders:
            return depth
        depth += 1


def _recordings(
    all_files: Iterable[PurePosixPath], files: Iterable[PurePosixPath]
) -> dict[PurePosixPath, PurePosixPath]:
    """Returns for each file of a recording the recording's folder: the nearest one above with its header."""
    recordings = {path.parent for path in all_files if path.name == HEADER_NAME}
    within = {file: next((folder for folder in file.parents if folder in recordings), None) for file in files}
    return {file: folder for file, folder in within.items() if folder is not None}


def _part(folder_name: str) -> PartName | None:
    return _PART_FOLDERS.get(folder_name.lower())


def _class_folder(folder: PurePosixPath, depth: int, has_parts: bool) -> tuple[PartName, str] | None:
    """Returns the part and class that a folder belongs to, or None; a class may have folders inside."""
    inner = list(folder.parts[depth:])
    if len(inner) < (2 if has_parts else 1):
        return None
    part = _part(inner.pop(0)) if has_parts else "train"
    return (part, printable(inner[0])) if part else None


def _common_labels(labels: dict[PartName, set[str]], name: str) -> tuple[str, ...]:
    train = labels.get("train", set())
    if not train:
        raise BadData(f"{name}: no class folders with images; {EXPECTED}")
    for part, found in labels.items():
        if found != train:
            only = {"train": sorted(train - found), part: sorted(found - train)}
            which = " and ".join(
                f"only {key}/ has {', '.join(names[:5])}" for key, names in only.items() if names
            )
            raise BadData(f"{name}: {which}; give train/ and {part}/ the same class folders")
    if len(train) == 1:
        raise BadData(f"{name}: only one class, {min(train)}, and a classifier needs two; {EXPECTED}")
    return tuple(sorted(train))


def _in_turn(classes: list[list[PurePosixPath]]) -> list[tuple[PurePosixPath, int]]:
    numbered = [(turn, index, file) for index, files in enumerate(classes) for turn, file in enumerate(files)]
    return [(file, index) for _, index, file in sorted(numbered)]


def _plain(label: str) -> str:
    return " ".join(label.casefold().replace("_", " ").replace("-", " ").split())
