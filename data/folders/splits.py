"""Split folders beside each other, or inside each class: which folder is train, val and test."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from ...edge_runtime.errors import BadData
from ...edge_runtime.text import printable
from .split_folders import PartName, SplitName, is_leftover, split_name
from .tree import Folder, inside_split

Classes = dict[str, list[PurePosixPath]]


@dataclass(frozen=True)
class Splits:
    """The split folders of a data set."""

    parts: dict[PartName, Folder]
    """With `train` always."""
    unlabelled: list[Folder]
    """Such as `seg_pred`, or `test-multiple_fruits` beside a `Test` with the classes of train."""


def find_splits(folders: Mapping[str, Folder], name: str) -> Splits | None:
    """Returns the split folders among some that lie beside each other; None where these are classes.

    There is a train folder, and one for another part that is named like it. A train folder alone counts if it
    holds class folders and nothing else could be a class.

    Raises:
        BadData: two folders are for one part, or a train folder may as well be a class.
    """
    named = {
        each: found
        for each, folder in folders.items()
        if folder.has_pictures() and (found := split_name(each))
    }
    trains = [each for each, found in named.items() if found.kind == "train"]
    groups = {each: _partners(each, named, folders) for each in trains}
    complete = [each for each in trains if groups[each]]
    if len(complete) > 1 or (complete and len(trains) > 1):
        one, other = (printable(each) for each in trains[:2])
        raise BadData(
            f"{name}: {one}/ and {other}/ both look like the training split; keep one, or put the images of "
            "each class into a folder with its name inside train/ and test/"
        )
    if complete:
        return _assign(folders, named, complete[0], groups[complete[0]], name)
    return _lone_train(folders, trains, name)


def _partners(train: str, named: Mapping[str, SplitName], folders: Mapping[str, Folder]) -> list[str]:
    """Returns the other split folders that belong to a train folder."""
    own = named[train].rest
    holds_folders = bool(folders[train].classes())
    return [
        each
        for each, found in named.items()
        if found.kind != "train"
        and (found.rest == own or (holds_folders and not (found.rest and own)))
        and not folders[train].is_recording
    ]


def _assign(
    folders: Mapping[str, Folder], named: Mapping[str, SplitName], train: str, others: list[str], name: str
) -> Splits:
    parts: dict[PartName, Folder] = {"train": folders[train]}
    labels = set(inside_split(folders[train]).classes())
    unlabelled = [folders[each] for each in others if named[each].kind == "unlabelled"]
    for each in sorted(others, key=lambda other: named[other].kind == "late"):
        kind = named[each].kind
        if kind == "late":
            kind = "val" if "test" in parts else "test"
        if kind in ("train", "unlabelled"):
            continue
        part: PartName = "val" if kind == "val" else "test"
        if part not in parts:
            parts[part] = folders[each]
            continue
        both = [parts[part], folders[each]]
        fitting = [folder for folder in both if labels and set(inside_split(folder).classes()) == labels]
        if len(fitting) != 1:
            raise BadData(
                f"{name}: {printable(both[0].path.name)}/ and {printable(each)}/ both look like the {part} "
                "split; keep one"
            )
        parts[part] = fitting[0]
        unlabelled += [folder for folder in both if folder is not fitting[0]]
    return Splits(parts, unlabelled)


def _lone_train(folders: Mapping[str, Folder], trains: list[str], name: str) -> Splits | None:
    """Returns a train folder without another part, where it cannot be a class."""
    if len(trains) != 1 or folders[trains[0]].pictures or folders[trains[0]].has_recordings():
        return None
    train = folders[trains[0]]
    beside = [each for each in folders if each != trains[0] and folders[each].has_pictures()]
    others = [each for each in beside if not is_leftover(each)]
    if not others:
        return Splits({"train": train}, [])
    if len(train.classes()) < 2:
        return None
    if len(others) > 1:
        others = [each for each in others if len(train.classes().keys() & folders[each].classes().keys()) > 1]
        if not others:
            return None
    own, other = printable(trains[0]), printable(others[0])
    inner = ", ".join(map(printable, list(train.classes())[:2]))
    raise BadData(
        f"{name}: {own}/ may be the training split (with {inner}) or a class beside {other}/; move {other}/ "
        f"away if it is a split, or put the pictures directly into {own}/ if it is a class"
    )


def check_beside(splits: Splits, others: Iterable[Folder], labels: Collection[str], name: str) -> None:
    """Refuses class folders of the same names beside the split folders: half of the pictures would be lost.

    Args:
        splits: the split folders.
        others: the folders beside them.
        labels: the classes of the training split.
        name: of the data set.

    Raises:
        BadData: a folder beside them is called like a class, or holds a folder that is.
    """
    train = printable(str(splits.parts["train"].path))
    known = {label.casefold() for label in labels}
    for other in others:
        found = next((each for each in other.within() if each.path.name.casefold() in known), None)
        if found:
            raise BadData(
                f"{name}: {printable(str(found.path))}/ is beside {train}/ and called like a class in it; "
                f"move the pictures into the class folders in {train}/, or {printable(other.path.name)}/ away"
            )


def splits_in_classes(
    folders: Mapping[str, Folder], name: str
) -> tuple[dict[PartName, Classes], list[str], set[PurePosixPath]] | None:
    """Returns the files of each part and class where each class has its own split folders: `cat/train`.

    Returns:
        parts, what to say, files that this speaks of; None where classes have no split folders.

    Raises:
        BadData: only some classes have them, or there are class folders inside.
    """
    found = {each: _splits_inside(folder) for each, folder in folders.items() if not folder.has_recordings()}
    split = {each: splits for each, splits in found.items() if splits and len(splits.parts) > 1}
    if not split:
        return None
    without = next((each for each in folders if each not in split or folders[each].pictures), None)
    first = printable(next(iter(split)))
    if without is not None:
        raise BadData(
            f"{name}: {first}/ has its own train/ and test/ inside, but {printable(without)}/ has pictures "
            "beside or without them; give every class the same, or none"
        )
    nested = {
        part: folder
        for splits in split.values()
        for part, folder in splits.parts.items()
        if len(folder.classes()) > 1 and not folder.pictures
    }
    if nested:
        raise BadData(
            f"{name}: {first}/ is a data set of its own, with class folders in train/ and test/; give one "
            "such folder to --data"
        )
    parts: dict[PartName, Classes] = {}
    for each, splits in split.items():
        for part, folder in splits.parts.items():
            parts.setdefault(part, {})[each] = list(folder.below())
    return parts, ["split folders: inside each class"], set()


def _splits_inside(folder: Folder) -> Splits | None:
    try:
        return find_splits(folder.classes(), "")
    except BadData:  # nothing certain: the folder is a class, whatever is inside
        return None
