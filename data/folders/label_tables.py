"""Labels that are not names of folders: in a table beside the pictures, or in their file names.

Kaggle gives `train.csv` (id, label) beside `train/`, Roboflow `train/_classes.csv` with a column of 0 and 1
for each class, Tiny ImageNet `val/val_annotations.txt` without headings, others `labels.csv`. Which column
names the file is found by comparing with the files; the label's by its heading, or as the only words.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from ...edge_runtime.errors import BadData
from ...edge_runtime.images.kinds import NAMED_AS_PICTURE
from ...edge_runtime.text import printable
from ..store import Store
from .split_folders import PartName, is_container, split_name

_LABEL_HEADINGS = (
    *(
        "class_name",
        "classname",
        "label_name",
        "labelname",
        "category_name",
        "label",
        "labels",
        "class",
        "classes",
    ),
    *(
        "category",
        "categories",
        "target",
        "breed",
        "species",
        "variety",
        "tag",
        "tags",
        "diagnosis",
        "dx",
        "emotion",
    ),
    *(
        "expression",
        "finding",
        "type",
        "kind",
        "y",
        "level",
        "name",
        "label_id",
        "labelid",
        "class_id",
        "classid",
    ),
    *("category_id", "id"),
)
"""Headings of the column with the label, the most certain first."""
_BOX_HEADINGS = (
    "xmin",
    "x_min",
    "bbox",
    "box",
    "xcenter",
    "x_center",
    "region_shape_attributes",
    "encodedpixels",
)
_BITS = {
    "0": False,
    "1": True,
    "0.0": False,
    "1.0": True,
    "-1": False,
    "": False,
    "true": True,
    "false": False,
}
_MAX_TABLE_BYTES = 200_000_000
_NUMBER = re.compile(r"\s*[-+\d.]*\s*")
_FEW_CLASSES = 10
_LEAST_SHARE = 0.2
"""A table of labels names at least so many of the pictures."""


@dataclass(frozen=True)
class Labelled:
    """Pictures by label."""

    source: str
    """Where the labels are from, for a message."""
    table: PurePosixPath | None
    classes: dict[str, list[PurePosixPath]]
    notes: list[str] = field(default_factory=list[str])


def find_labels(
    store: Store,
    pictures: Sequence[PurePosixPath],
    part: PartName | None,
    of_train: Sequence[PurePosixPath] = (),
) -> Labelled | None:
    """Returns the labels of pictures that lie in one folder, from a table or from their names; or None.

    Args:
        store: with the tables.
        pictures: those of a part.
        part: which; tables that are called after another one are not for it. None: there are no parts.
        of_train: the pictures of train, if these are of another part: numbers in a table are theirs.

    Raises:
        BadData: a table names the pictures of train, but not one class for each.
    """
    names_of_train = {name for picture in of_train for name in (picture.name, picture.stem)}
    failures: list[BadData] = []
    for path in _tables(store, pictures, part):
        is_for_all = part not in (None, "train") and not split_name(path.stem) and len(path.parts) == 1
        if is_for_all and any(picture.stem in names_of_train for picture in pictures):
            continue
        try:
            if found := _read_table(store, path, pictures):
                return found
        except BadData as error:
            failures.append(error)
    if found := _labels_in_names(pictures, store.hints.labels):
        return found
    if failures and not of_train:
        raise failures[0]
    return None


def boxes_hint(store: Store) -> str:
    """Returns what says that a data set is one for object detection; empty if nothing does."""
    for file in store.files:
        name = file.name.lower()
        if "coco.json" in name or name.startswith("instances_") or name == "_annotations.csv":
            return printable(str(file))
        if (name in ("data.yaml", "dataset.yaml", "classes.txt") or file.suffix.lower() == ".xml") and any(
            part.lower() in ("labels", "annotations") for other in store.files for part in other.parts[:-1]
        ):
            return printable(str(file))
    return ""


# Tables


def _tables(store: Store, pictures: Sequence[PurePosixPath], part: PartName | None) -> list[PurePosixPath]:
    """Returns the files that may be the table of some pictures, the nearest and best named first."""
    folders = {picture.parent for picture in pictures}
    around = folders | {above for folder in folders for above in folder.parents}
    found: list[tuple[int, int, PurePosixPath]] = []
    for file in store.files:
        if not _is_table(file):
            continue
        split = split_name(file.stem)
        kind = "test" if split and split.kind == "late" else split and split.kind
        is_inside = file.parent in around and part is not None and len(file.parts) > 1
        inside_other = (
            any((outer := split_name(folder)) and outer.kind != part for folder in file.parts[:-1])
            and file.parent not in around
        )
        if inside_other or (part and kind and kind != part):
            continue
        rank = ("train", None, "val", "test").index(kind) if kind in ("train", None, "val", "test") else 4
        found.append((-len(file.parts) if is_inside else 0, rank if part is None else not kind, file))
    return [file for _, _, file in sorted(found)]


def _is_table(file: PurePosixPath) -> bool:
    """Whether a file may be a table of labels; one with the suffix .txt has the name of one, too."""
    is_list = file.suffix.lower() == ".txt" and (split_name(file.stem) or is_container(file.stem))
    return (is_list or file.suffix.lower() in (".csv", ".tsv")) and "submission" not in file.name.lower()


def _read_table(store: Store, path: PurePosixPath, pictures: Sequence[PurePosixPath]) -> Labelled | None:
    """Returns the labels in a table; None if it is about something else."""
    rows = _rows(store, path)
    if len(rows) < 2:
        return None
    finder = _Finder(pictures)
    width = max(map(len, rows))
    rows = [[*row, *[""] * (width - len(row))] for row in rows]
    sample = rows[:2000]
    column = max(range(width), key=lambda at: len({finder.find(row[at]) for row in sample} - {None}))
    matched = [(row, finder.find(row[column])) for row in rows]
    known = {picture for _, picture in matched if picture}
    is_list_of_names = path.suffix.lower() == ".txt" and not any(
        PurePosixPath(row[column].strip().lower()).suffix in NAMED_AS_PICTURE for row in sample
    )  # such as "0 cat" for the classes, where there is a 0.jpg
    if len(known) < _LEAST_SHARE * len(pictures) or is_list_of_names:
        return None
    has_heading = matched[0][1] is None
    heading = [cell.strip() for cell in rows[0]] if has_heading else [""] * width
    name = printable(str(path))
    body = [(row, picture) for row, picture in matched if picture]
    labels = _label_of_rows(heading, [row for row, _ in body], column, name)
    by_picture: dict[PurePosixPath, set[str]] = {}
    for (_, picture), label in zip(body, labels, strict=True):
        by_picture.setdefault(picture, set()).update(label)
    return _checked(by_picture, pictures, path)


def _checked(
    by_picture: dict[PurePosixPath, set[str]], pictures: Sequence[PurePosixPath], table: PurePosixPath
) -> Labelled:
    """Returns the pictures with one label each."""
    name = printable(str(table))
    several = sum(len(labels) > 1 for labels in by_picture.values())
    if several * 2 > len(by_picture):
        raise BadData(
            f"{name}: most pictures have several classes there, and a classifier answers with one; keep one "
            "class for each picture"
        )
    classes: dict[str, list[PurePosixPath]] = {}
    for picture in pictures:
        if len(labels := by_picture.get(picture, set())) == 1:
            classes.setdefault(min(labels), []).append(picture)
    if len(classes) > max(_FEW_CLASSES, len(by_picture) / 2) or 2 < len(classes) == len(by_picture):
        raise BadData(
            f"{name}: {len(classes):,} different labels for {len(by_picture):,} pictures are no classes; "
            "keep two columns, filename and label"
        )
    notes: list[str] = []
    if several:
        notes.append(
            f"warning: left out {several:,} of {len(pictures):,} pictures: several classes in {name}"
        )
    without = len(pictures) - several - sum(map(len, classes.values()))
    if without:
        notes.append(f"warning: left out {without:,} of {len(pictures):,} pictures: no class in {name}")
    return Labelled(name, table, classes, notes)


def _label_of_rows(heading: list[str], rows: list[list[str]], column: int, name: str) -> list[set[str]]:
    """Returns the labels of each row: none, one, or several."""
    others = [at for at in range(len(heading)) if at != column and any(row[at].strip() for row in rows)]
    plain = {at: heading[at].lower().replace(" ", "_") for at in others}
    if any(word in _BOX_HEADINGS for word in plain.values()):
        raise BadData(
            f"{name}: has boxes or outlines for object detection, and a classifier needs a class for each "
            "picture; sort the pictures into a folder for each class, or keep two columns, filename and label"
        )
    known = [at for word in _LABEL_HEADINGS for at in others if plain[at] == word]
    bits = [at for at in others if all(row[at].strip().lower() in _BITS for row in rows)]
    if any(heading) and len(bits) > 1 and not [at for at in known if at not in bits]:
        bits = [at for at in bits if plain[at] not in ("unlabeled", "unlabelled")]  # Roboflow's for none
        return [{printable(heading[at]) for at in bits if _BITS[row[at].strip().lower()]} for row in rows]
    words = (
        [] if any(heading) else [at for at in others if not all(_NUMBER.fullmatch(row[at]) for row in rows)]
    )
    chosen = known[:1] or next((found for found in (others, words) if len(found) == 1), [])
    if not chosen:
        columns = ", ".join(heading[at] or f"column {at + 1}" for at in [column, *others][:8])
        raise BadData(
            f"{name}: cannot tell which of its columns is the class ({printable(columns)}); keep two, "
            "filename and label"
        )
    return [{printable(text)} if (text := row[chosen[0]].strip()) else set() for row in rows]


def _rows(store: Store, path: PurePosixPath) -> list[list[str]]:
    content = store.read(path)
    if len(content) > _MAX_TABLE_BYTES:
        return []
    try:
        encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise BadData(f"{printable(str(path))}: not UTF-8: {error}; save it as UTF-8") from error
    first, _, _ = text.partition("\n")
    delimiter = max(",;\t|" + (" " if path.suffix.lower() == ".txt" else ""), key=first.count)
    try:
        return [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if any(row)]
    except csv.Error as error:
        raise BadData(f"{printable(str(path))}: not a table: {error}; save it as CSV") from error


class _Finder:
    """Finds the picture that a cell of a table names: a path, a file's name, or a name without suffix."""

    def __init__(self, pictures: Iterable[PurePosixPath]) -> None:
        self._by_name: dict[str, list[PurePosixPath]] = {}
        for picture in pictures:
            for key in {picture.name.casefold(), picture.stem.casefold()}:
                self._by_name.setdefault(key, []).append(picture)

    def find(self, cell: str) -> PurePosixPath | None:
        """Returns the picture; None if there is none, or several in different folders."""
        parts = [
            part for part in cell.strip().replace("\\", "/").casefold().split("/") if part not in ("", ".")
        ]
        if not parts:
            return None
        path = PurePosixPath(parts[-1])
        found = self._by_name.get(parts[-1], [])
        if not found and path.suffix in NAMED_AS_PICTURE:  # written with another suffix than the file has
            found = self._by_name.get(path.stem, [])
        for count in range(len(parts), 0, -1):
            tail = parts[-count:-1]
            fitting = [each for each in found if [part.casefold() for part in each.parts[-count:-1]] == tail]
            if len(fitting) == 1:
                return fitting[0]
        return None


# File names


def _labels_in_names(pictures: Sequence[PurePosixPath], known: frozenset[str]) -> Labelled | None:
    """Returns the labels in names such as `cat.0.jpg`, if all are so: cameras name no file like that.

    Names may be less plain, as `cat_1.jpg` and `cat (2).jpg`, where they begin with `known` labels.
    """
    plain = {label.casefold(): label for label in known}
    classes: dict[str, list[PurePosixPath]] = {}
    for picture in pictures:
        match = re.fullmatch(r"(\D[^.]*)\.\d+", picture.stem)
        begin = re.sub(r"[-_. (]*\d*\)?$", "", picture.stem).casefold()
        label = plain.get(begin) or (match[1] if match else None)
        if label is None:
            return None
        classes.setdefault(printable(label), []).append(picture)
    if len(classes) < 2 or min(map(len, classes.values())) < 2:
        return None
    return Labelled(f"the file names, such as {printable(pictures[0].name)}", None, classes)
