"""The folders of a data set as a tree, and which of them may hold a class."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from ...edge_runtime.camera.recording import HEADER_NAME
from ...edge_runtime.images.kinds import NAMED_AS_PICTURE
from .split_folders import is_container, split_name

_DOCUMENT_SUFFIXES = """
7z bib cfg csv db doc docx gz h5 hdf5 htm html ini ipynb json jsonl lock log mat md npy npz ods odt parquet
pbtxt pdf pkl ppt pptx py record rst rtf sh sql tar tfrecord tgz toml tsv txt xls xlsx xml yaml yml zip pt
pth ckpt onnx tflite pb keras safetensors joblib bin c cpp cs css go java js r rs ts bat ps1 exe dll so
"""
_DOCUMENTS = frozenset(_DOCUMENT_SUFFIXES.split())
"""Suffixes of what often lies beside pictures, and never is one."""


@dataclass
class Folder:
    """A folder of a data set."""

    path: PurePosixPath
    files: list[PurePosixPath] = field(default_factory=list[PurePosixPath])
    folders: dict[str, "Folder"] = field(default_factory=dict[str, "Folder"])
    """By their names."""
    is_recording: bool = False
    """Whether `edgecls camera --record` made it."""

    @property
    def pictures(self) -> list[PurePosixPath]:
        """The files in the folder itself that may be pictures."""
        return [file for file in self.files if not is_document(file)]

    def below(self) -> Iterator[PurePosixPath]:
        """Yields all files in the folder and in those inside."""
        yield from self.files
        for folder in self.folders.values():
            yield from folder.below()

    def within(self) -> Iterator["Folder"]:
        """Yields it and the folders inside, as far as they have pictures."""
        if self.has_pictures():
            yield self
            for folder in self.folders.values():
                yield from folder.within()

    def has_pictures(self) -> bool:
        """Whether a file in it or below may be a picture."""
        return not all(is_document(file) for file in self.below())

    def has_named_pictures(self) -> bool:
        """Whether a file in it or below has the suffix of a picture."""
        return any(file.suffix.lower() in NAMED_AS_PICTURE for file in self.below())

    def has_recordings(self) -> bool:
        """Whether it, or a folder inside, was made by `edgecls camera --record`."""
        return self.is_recording or any(folder.has_recordings() for folder in self.folders.values())

    def classes(self) -> dict[str, "Folder"]:
        """Returns the folders in it that may be classes: with pictures, or empty, which must be reported.

        A folder such as `annotations` is none where only others hold files that are named as pictures.
        """
        found = {
            name: folder
            for name, folder in self.folders.items()
            if folder.has_pictures() or not any(folder.below())
        }
        named = {name for name, folder in found.items() if folder.has_named_pictures()}
        return {
            name: folder
            for name, folder in found.items()
            if name in named or not (named and is_container(name))
        }


def is_document(file: PurePosixPath) -> bool:
    """Whether a file's name is that of notes, tables or archives, such as `README.md` and `labels.csv`."""
    return file.suffix.lower().removeprefix(".") in _DOCUMENTS or file.stem.upper() in ("LICENSE", "README")


def grow(files: Iterable[PurePosixPath], folders: Iterable[PurePosixPath]) -> Folder:
    """Returns the root of the tree that paths describe, sorted by name."""
    root = Folder(PurePosixPath())
    known = {root.path: root}

    def at(path: PurePosixPath) -> Folder:
        if path not in known:
            known[path] = at(path.parent).folders.setdefault(path.name, Folder(path))
        return known[path]

    for path in sorted({*folders, *(file.parent for file in files)}):
        at(path)
    for file in sorted(files):
        if file.name == HEADER_NAME:
            at(file.parent).is_recording = True
        else:
            at(file.parent).files.append(file)
    return root


def look_through(root: Folder, name: str) -> Folder:
    """Returns the innermost folder around everything: downloads and zip tools often add one or two.

    A folder that holds nothing but recordings is a class, and they are its recordings, unless it has the name
    of the data set.
    """
    folder = root
    while True:
        inner = folder.classes()
        if len(inner) != 1:
            return folder
        (only,) = inner.values()
        deeper = only.classes()
        if not deeper or only.is_recording or (only.pictures and len(deeper) == 1):
            return folder
        if only.path.name != name and all(each.is_recording for each in deeper.values()):
            return folder
        folder = only


def inside_split(split: Folder) -> Folder:
    """Returns the folder in a split that holds classes or pictures: `seg_train/seg_train`, `train/images`."""
    folder = split
    while not folder.pictures and len(inner := folder.classes()) == 1:
        (name,) = inner
        if not (is_container(name) or split_name(name)):
            return folder
        folder = inner[name]
    return folder
