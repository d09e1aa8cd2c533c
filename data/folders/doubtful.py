"""Doubtful classes: folders that look like splits, pieces, versions or days, and are refused or said."""

import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import PurePosixPath

from ...edge_runtime.errors import BadData
from ...edge_runtime.text import printable
from .split_folders import SplitName, is_container, is_date, is_version, split_name
from .tree import Folder, look_through


def check_classes(folders: Mapping[str, Folder], name: str, expected: str) -> None:
    """Refuses folders that are hardly classes: a training on them would look fine and mean nothing.

    Args:
        folders: those that would be the classes, by name.
        name: of the data set.
        expected: what to do, for the message.

    Raises:
        BadData: two names say train or test, or one does beside `images`; all are like `images`, or all are
            days; a folder such as `segmented` holds class folders, or all folders hold the same ones.
    """
    words = {folder: found for folder in folders if (found := split_name(folder))}
    alike = [
        one for one in words if any(one != other and _match(words[one], words[other]) for other in words)
    ]
    nameless = [folder for folder in folders if is_container(folder)]
    if len(alike) > 1 or (len(folders) > 1 and len(nameless) + len(words) == len(folders) and nameless):
        found = _named(alike or list(folders))
        raise BadData(f"{name}: {found} look like parts of a data set and not like classes; {expected}")
    if len(folders) > 1 and all(map(is_date, folders)):
        found = _named(list(folders))
        raise BadData(f"{name}: {found} look like days of recording and not like classes; {expected}")
    _check_inner(folders, name)


def _match(one: SplitName, other: SplitName) -> bool:
    """Whether two names may be those of splits of one data set."""
    differ = one.kind != other.kind and not (one.rest and other.rest and set(one.rest).isdisjoint(other.rest))
    return one.rest == other.rest or differ


def _check_inner(folders: Mapping[str, Folder], name: str) -> None:
    """Refuses folders that are data sets themselves."""
    inner = {
        each: list(folder.classes())
        for each, folder in folders.items()
        if not folder.pictures and not folder.has_recordings()
    }
    copies = [each for each, folder in folders.items() if _is_copy(each, folder.classes(), folders)]
    versions = copies or [each for each, folder in folders.items() if each in inner and _holds_splits(folder)]
    versions = versions or [each for each, found in inner.items() if len(found) > 1 and is_version(each)]
    common = set.intersection(*map(set, inner.values())) if len(inner) == len(folders) > 1 else set[str]()
    is_by_day = all(is_date(each) or any(map(str.isdigit, each)) for each in common)
    if versions or (len(common) > 1 and not is_by_day):
        shown = versions or list(folders)
        looks = "looks like a data set" if len(shown) == 1 else "each look like a data set"
        holds = ", ".join(map(printable, sorted(common or folders[shown[0]].classes())[:3]))
        raise BadData(
            f"{name}: {_named(shown)} {looks} itself, with class folders inside ({holds}); "
            "give one such folder to --data, or put the pictures of each class directly into its folder"
        )


def _is_copy(name: str, inner: Iterable[str], folders: Iterable[str]) -> bool:
    """Whether a folder holds folders with the names of those beside it, as zips that were packed twice do."""
    return len(set(inner) & (set(folders) - {name})) > 1


def _holds_splits(folder: Folder) -> bool:
    """Whether it holds split folders with class folders, also below folders around everything."""
    inner = look_through(folder, "").classes()
    kinds = {found.kind for each in inner if (found := split_name(each)) and len(inner[each].classes()) > 1}
    return "train" in kinds and len(kinds) > 1


def inner_notes(folders: Mapping[str, Folder]) -> list[str]:
    """Returns what to say about classes that may be meant otherwise: called train, or with folders inside."""
    notes = [
        f"{printable(each)}/ is taken for a class, as the other folders are"
        for each in folders
        if len(folders) > 1 and split_name(each)
    ]
    for name, folder in folders.items():
        inner = list(folder.classes())
        if len(inner) > 1 and not folder.pictures and not folder.has_recordings():
            shown = ", ".join(map(printable, inner[:3])) + (", ..." if len(inner) > 3 else "")
            own = printable(name)
            return [*notes, f"{own}/ holds folders ({shown}): all their pictures are of the class {own}"]
    return notes


_MASK = re.compile(
    r"(.+)[ _-](?:masks?|seg|segmentation|groundtruth|gt|outline|trimap)(?:[ _-]?\d+)?", re.IGNORECASE
)


def mask_notes(files: Collection[PurePosixPath]) -> list[str]:
    """Returns a warning about masks for segmentation beside their pictures: `a_mask.png` at `a.png`."""
    stems = {(file.parent, file.stem) for file in files}
    masks = ((file, match[1]) for file in sorted(files) if (match := _MASK.fullmatch(file.stem)))
    found = [(file, of) for file, of in masks if (file.parent, of) in stems]
    if not found:
        return []
    first, of = found[0]
    return [
        f"warning: {len(found):,} pictures look like masks of others, such as {printable(first.name)} of "
        f"{printable(of)}; move them out of the class folders"
    ]


def _named(folders: list[str]) -> str:
    *first, last = (f"{printable(folder)}/" for folder in folders[:3])
    return f"{', '.join(first)} and {last}" if first else last
