"""Class folders: which file is an image of which class, from paths and tables; the background class.

Data sets come in a few layouts, under many names. A layout is recognised by its structure first (what holds
pictures, what holds folders of pictures) and by names second (`folders/split_folders.py`). Where two readings
are possible the data set is refused: a wrong one would train two classes called train and test, with a fine
accuracy.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from ..edge_runtime.camera.recording import ANSWERS_NAME, HEADER_NAME
from ..edge_runtime.errors import BadData
from ..edge_runtime.text import printable
from .folders.class_names import name_classes
from .folders.doubtful import check_classes, inner_notes, mask_notes
from .folders.label_tables import Labelled, boxes_hint, find_labels
from .folders.numbered import names_of_numbers
from .folders.split_folders import PartName, are_pieces, is_container, split_name
from .folders.splits import Splits, check_beside, find_splits, splits_in_classes
from .folders.tree import Folder, grow, inside_split, is_document, look_through
from .store import Store, without_litter

__all__ = ["EXPECTED", "Layout", "PartName", "find_background", "find_layout"]

BACKGROUND_NAMES = ("background", "none", "none of these", "nothing", "other", "unknown")
"""Names of a folder with pictures of none of the other classes; in any case, with `_` or `-` for a space or
around it: `_background_`."""
EXPECTED = (
    "put the images of each class into a folder with its name, such as cat/1.jpg and dog/1.jpg, "
    "or train/cat/1.jpg and test/cat/1.jpg"
)
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
_PLAIN_SPLITS = ("train", "val", "valid", "validation", "test")
_Classes = dict[str, list[PurePosixPath]]


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
    """Of each picture of a recording: the recording's folder."""
    notes: tuple[str, ...] = ()
    """What the user should know about how the folders were read, a line each."""


@dataclass
class _Reading:
    """What was found, by the names of the folders, or by labels from tables."""

    parts: dict[PartName, _Classes]
    notes: list[str] = field(default_factory=list[str])
    unused: set[PurePosixPath] = field(default_factory=set[PurePosixPath])
    """Files that the notes speak of, such as pictures without labels."""


def find_layout(store: Store) -> Layout:
    """Finds the classes of a data set, and its parts where it has train, val and test.

    The layouts are class folders, at the top or in split folders of many names, or with split folders inside;
    pictures in one folder with a table of labels, or with the class in the file name. Folders around
    everything are skipped, and so is what systems leave behind.

    Raises:
        BadData: none of these, only one class, not the same ones in each part, or nothing certain.
    """
    store = without_litter(store)
    name = PurePosixPath(store.name.replace("\\", "/")).name.partition(".")[0]
    root = grow([file for file in store.files if file.name != ANSWERS_NAME], store.folders)
    reading = _read(look_through(root, name), store)
    parts, notes = name_classes(reading.parts, store.name, store.hints)
    labels = _common_labels({part: set(classes) for part, classes in parts.items()}, store)
    if numbered := names_of_numbers(store, labels):
        names, source = numbered
        for part, classes in parts.items():
            parts[part] = {names[label]: files for label, files in classes.items()}
        labels = tuple(sorted(names.values()))
        notes.append(f"names of the numbered classes: from {printable(str(source))}")
        reading.unused.add(source)
    members = {file for classes in parts.values() for files in classes.values() for file in files}
    return Layout(
        labels,
        {part: _in_turn([classes[label] for label in labels]) for part, classes in parts.items()},
        sorted(set(root.below()) - members - reading.unused),
        _recordings(store, members),
        (*store.notes, *reading.notes, *notes, *mask_notes(members)),
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


def _read(top: Folder, store: Store) -> _Reading:
    """Reads the first layout that fits."""
    folders = top.classes()
    if splits := find_splits(folders, store.name):
        return _read_splits(splits, folders, store)
    if reading := splits_in_classes(folders, store.name):
        return _Reading(*reading)
    is_nameless = all(is_container(name) or split_name(name) for name in folders) and len(folders) == 1
    if is_nameless or are_pieces(list(folders)) or all(map(is_container, folders)):
        return _read_flat(top, store)
    if len(folders) == 1 and (found := _from_table(top, store)):
        return found
    check_classes(folders, store.name, EXPECTED)
    classes = {label: list(folder.below()) for label, folder in folders.items()}
    return _Reading({"train": classes}, inner_notes(folders))


def _from_table(top: Folder, store: Store) -> _Reading | None:
    """Reads pictures whose labels are in a table or in their names; returns None where they are not."""
    pictures = [file for file in top.below() if not is_document(file)]
    found = find_labels(store, pictures, None) if pictures else None
    if not found:
        return None
    reading = _Reading({"train": found.classes}, [_source_note(found)], {*pictures})
    tables = [found.table] if found.table else []
    if others := _other_tables(found, pictures, store):
        for part, other in others.items():
            reading.parts[part] = other.classes
            reading.notes.append(_source_note(other, part))
            tables += [other.table] if other.table else []
    else:
        reading.notes += found.notes
    reading.unused |= set(tables)
    return reading


def _other_tables(found: Labelled, pictures: list[PurePosixPath], store: Store) -> dict[PartName, Labelled]:
    """Returns the labels of val and test, where `train.csv` has those of train and all lie in one folder."""
    split = split_name(found.table.stem) if found.table else None
    if split is None or split.kind != "train":
        return {}
    of_train = [file for files in found.classes.values() for file in files]
    others: dict[PartName, Labelled] = {}
    left = sorted(set(pictures) - set(of_train))
    for part in ("val", "test"):
        other = find_labels(store, left, part, of_train) if left else None
        other_split = split_name(other.table.stem) if other and other.table else None
        if other and other_split and other_split.kind == part and set(other.classes) == set(found.classes):
            others[part] = other
    return others


def _read_flat(top: Folder, store: Store) -> _Reading:
    """Reads pictures in one folder, or in equal pieces of one, whose labels are elsewhere."""
    if reading := _from_table(top, store):
        return reading
    pieces = ", ".join(f"{printable(folder)}/" for folder in list(top.classes())[:3])
    boxes = boxes_hint(store)
    if top.has_pictures() and (pieces or boxes):
        why = f"no class folders in {pieces}, and no table with the labels of the pictures"
        if boxes:
            why = f"{boxes} is for object detection, and a classifier needs a class for each picture"
        table = "or add labels.csv with the columns filename and label"
        raise BadData(f"{store.name}: {why}; {EXPECTED}, {table}")
    packed = [file for file in store.files if file.suffix.lower() in _ARCHIVES]
    inside = f": {printable(str(packed[0]))} is packed, unpack it or give it to --data" if packed else ""
    others = ", or name the files cat.0.jpg, dog.0.jpg, or add labels.csv with the columns filename and label"
    named = others if top.has_pictures() else ""
    raise BadData(
        f"{store.name}: no class folders with images{_unreadable(store)}{inside}; {EXPECTED}{named}"
    )


def _read_splits(splits: Splits, folders: Mapping[str, Folder], store: Store) -> _Reading:
    """Reads split folders among `folders`, each with class folders, or with pictures and labels elsewhere."""
    train = splits.parts["train"]
    reading = _Reading({})
    used = _read_split(train, "train", store, reading, None)
    if not used:
        boxes = boxes_hint(store)
        hint = f": {boxes} is for object detection" if boxes else " and no table with their labels"
        raise BadData(
            f"{store.name}: {printable(train.path.name)}/ looks like the training split, but there are no "
            f"class folders in it{hint}{_unreadable(store)}; {EXPECTED}"
        )
    for part, folder in splits.parts.items():
        if part == "train":
            continue
        pictures = [file for file in folder.below() if not is_document(file)]
        if not _read_split(folder, part, store, reading, set(reading.parts["train"])) and pictures:
            _leave_out(reading, folder, pictures)
    splitting = [folder.path for folder in (*splits.parts.values(), *splits.unlabelled)]
    others = [folder for folder in folders.values() if folder.path not in splitting and folder.has_pictures()]
    check_beside(splits, others, reading.parts["train"], store.name)
    for folder in (*splits.unlabelled, *others):
        _leave_out(reading, folder, [file for file in folder.below() if not is_document(file)])
    if any(folder.path.name.lower() not in _PLAIN_SPLITS for folder in splits.parts.values()):
        parts = [f"{printable(splits.parts[part].path.name)}/ as {part}" for part in reading.parts]
        reading.notes.insert(0, f"split folders: {', '.join(parts)}")
    return reading


def _read_split(
    split: Folder, part: PartName, store: Store, reading: _Reading, known: set[str] | None
) -> bool:
    """Adds the classes in a split folder to a reading; returns whether there are any.

    `known` are the classes of train: a folder inside another part may hold pictures without labels.
    """
    inner = inside_split(split)
    folders = inner.classes()
    if folders:
        (first, *more) = folders
        nameless = (
            is_container(first) or split_name(first) or _plain(first) in (*BACKGROUND_NAMES, "all classes")
        )
        if known is not None and not more and first not in known and nameless:
            return False
        check_classes(folders, f"{store.name}: {printable(str(inner.path))}", EXPECTED)
        reading.parts[part] = {label: list(folder.below()) for label, folder in folders.items()}
        return True
    pictures = inner.pictures
    of_train = [file for files in reading.parts.get("train", {}).values() for file in files]
    found = find_labels(store, pictures, part, of_train) if pictures else None
    if not found or not found.classes or (known is not None and not set(found.classes) <= known):
        return False
    reading.parts[part] = found.classes
    reading.notes += [_source_note(found, part), *found.notes]
    reading.unused |= {*pictures, *([found.table] if found.table else [])}
    return True


def _leave_out(reading: _Reading, folder: Folder, pictures: list[PurePosixPath]) -> None:
    reading.unused |= set(pictures)
    noun = "picture" if len(pictures) == 1 else "pictures"
    lack = "of other classes" if len(folder.classes()) > 1 else "without labels"
    reading.notes.append(f"{printable(str(folder.path))}/: {len(pictures):,} {noun} {lack}; not used")


def _source_note(found: Labelled, part: PartName | None = None) -> str:
    return f"labels{f' of {part}' if part else ''}: from {found.source}"


def _common_labels(labels: dict[PartName, set[str]], store: Store) -> tuple[str, ...]:
    name = store.name
    train = labels.get("train", set())
    if not train:
        raise BadData(f"{name}: no class folders with images{_unreadable(store)}; {EXPECTED}")
    for part, found in labels.items():
        if found != train:
            only = {"train": sorted(train - found), part: sorted(found - train)}
            which = " and ".join(
                f"only {key}/ has {', '.join(names[:5])}" for key, names in only.items() if names
            )
            raise BadData(
                f"{name}: {which}{_unreadable(store)}; give train/ and {part}/ the same class folders"
            )
    if len(train) == 1:
        raise BadData(
            f"{name}: only one class, {min(train)}, and a classifier needs two{_unreadable(store)}; "
            f"{EXPECTED}"
        )
    return tuple(sorted(train))


def _unreadable(store: Store) -> str:
    return f" ({printable(store.unreadable[0])})" if store.unreadable else ""


def _recordings(store: Store, members: set[PurePosixPath]) -> dict[PurePosixPath, PurePosixPath]:
    """Returns for each file of a recording the recording's folder: the nearest one above with its header.

    Without the header, which is easily left behind, folders of frames with their answers tell.
    """
    recordings = {path.parent for path in store.files if path.name == HEADER_NAME}
    recordings |= {
        path.parent.parent
        for path in store.files
        if path.name == ANSWERS_NAME and path.parent.name.isdecimal()
    }
    if not recordings:
        return {}
    folders = {file.parent for file in members}
    around = {
        folder: next((each for each in (folder, *folder.parents) if each in recordings), None)
        for folder in folders
    }
    return {file: recording for file in members if (recording := around[file.parent])}


def _in_turn(classes: list[list[PurePosixPath]]) -> list[tuple[PurePosixPath, int]]:
    numbered = [
        (turn, index, file) for index, files in enumerate(classes) for turn, file in enumerate(sorted(files))
    ]
    return [(file, index) for _, index, file in sorted(numbered)]


def _plain(label: str) -> str:
    return " ".join(label.casefold().replace("_", " ").replace("-", " ").split())
