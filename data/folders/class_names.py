"""Labels from the names of class folders: told apart by their bytes, shown as text."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from ...edge_runtime.errors import BadData
from ...edge_runtime.text import printable
from .name_encodings import NO_HINTS, NameHints, guess
from .split_folders import PartName

Classes = Mapping[str, Sequence[PurePosixPath]]


def name_classes(
    parts: Mapping[PartName, Classes], name: str, hints: NameHints
) -> tuple[dict[PartName, dict[str, list[PurePosixPath]]], list[str]]:
    r"""Returns the files of each part by label, and what to say about the labels.

    A label is composed (NFC): macOS decomposes names, and `é` in `train/` is `é` in `test/`. Joiners,
    no-break spaces and the like stay. What is dangerous on a terminal, and bytes that are no text, are
    written out, as `\xff`.

    Args:
        parts: part, then name of the folder, then files.
        name: the data set's, for messages.
        hints: about names that are not UTF-8; without any they are guessed if only one reading is possible.

    Raises:
        BadData: two folders of a part would have the same label.
    """
    texts, notes = _readable({folder for classes in parts.values() for folder in classes}, hints, name)
    named: dict[PartName, dict[str, list[PurePosixPath]]] = {}
    for part, classes in parts.items():
        named[part] = {}
        folders: dict[str, str] = {}
        for folder, files in classes.items():
            label = texts[folder]
            if label in named[part]:
                raise BadData(
                    f"{name}: two class folders would both be shown as {label} "
                    f"({folders[label]!a} and {folder!a}); rename one of them, or put their pictures into "
                    "one folder"
                )
            named[part][label], folders[label] = list(files), folder
    return named, notes + _look_alike(sorted({label for classes in named.values() for label in classes}))


def _readable(folders: Iterable[str], hints: NameHints, name: str) -> tuple[dict[str, str], list[str]]:
    """Returns the label of each folder's name, and what to say."""
    folders = sorted(folders)
    raw = {folder: folder.encode("utf-8", "surrogateescape") for folder in folders if not _is_text(folder)}
    texts = {folder: folder for folder in folders}
    notes: list[str] = []
    if raw:
        found = guess(list(raw.values()), hints, name)
        if found.encoding:
            texts |= {folder: content.decode(found.encoding) for folder, content in raw.items()}
            if hints == NO_HINTS:
                notes.append(f"names of folders that are not UTF-8 were read as {found.encoding}")
        else:
            likely = f", perhaps {' or '.join(found.likely[:3])}" if found.likely else ""
            notes.append(
                f"warning: the names of {len(raw)} class folders are in an unknown encoding{likely}: their "
                "labels have \\x.. for what cannot be read; give --zip-encoding, or rename the folders"
            )
    return {folder: _shown(text) for folder, text in texts.items()}, notes


def _shown(text: str) -> str:
    r"""Returns a name as a label; bytes that are no text become `\xff`."""
    as_text = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return printable(unicodedata.normalize("NFC", as_text))


def _is_text(folder: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in folder)


def _look_alike(labels: list[str]) -> list[str]:
    """Returns a warning about labels that differ only in joiners, spaces, capitals or width."""
    seen: dict[str, str] = {}
    for label in labels:
        text = unicodedata.normalize("NFKC", label)
        visible = " ".join("".join(c for c in text if unicodedata.category(c) != "Cf").casefold().split())
        if visible in seen:
            return [
                f"warning: the classes {seen[visible]!a} and {label!a} look alike; put their pictures "
                "into one folder if they are"
            ]
        seen[visible] = label
    return []
