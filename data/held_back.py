"""How a missing part of a data set is held back from another."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ..edge_runtime.errors import BadData
from .near_duplicates import Groups, equal_groups, one_side_groups
from .prepared.images import take
from .recording_split import (
    OPEN,
    PLACES,
    TEST,
    TRAIN,
    VAL,
    Dealing,
    MissingPart,
    plan_recordings,
    with_copies,
)
from .recordings import find_recordings, shared_recordings
from .split import Parts, Split, Whole

_LOOK_ALIKE = "warning: nearly all images of "
_OVERSHOOT = 0.25
"""How far the share of a class may be exceeded to keep groups whole, as a share of it."""


def complete(parts: Parts, name: str, seed: int, *, by_recording: bool = True) -> Whole:
    """Returns train, val and test; a missing part is held back from train, the same share of each class.

    Both missing: 70 % train, 15 % val, 15 % test. Val missing: 5 % of train, so that the documented recipe
    keeps nearly all of its training images. Test missing: 15 % of train. Recordings and near-duplicates stay
    on one side; see `plan_recordings` and `one_side_groups`. Without `by_recording`, only the latter do.

    Raises:
        BadData: a class has too few different images for each part; `name` is the data set's.
    """
    train, val, test = parts.train, parts.val, parts.test
    shared = tuple(_shared_recordings(parts))
    if val and test:
        return Whole(train, val, test, shared, parts.origins)
    shares: dict[MissingPart, float] = {}
    if test is None:
        shares["test"] = 0.15
    if val is None:
        shares["val"] = 0.15 if test is None else 0.05
    _check_enough(parts, name, 1 + len(shares))
    plan = _plan(parts, shares, seed) if by_recording else None
    if plan is None:
        places, groups = _held_back(parts, np.ones(len(train), bool), None, shares, seed)
        whole = _taken(parts, places, (*_notes(parts.labels, train.truth, groups), *shared))
        _check_each_part(parts.labels, name, whole)
        return whole
    notes = (*plan.notes(train.truth, is_tested=test is None), *shared)
    places = plan.places.copy()
    is_open = places == OPEN
    if is_open.any():
        places[is_open], groups = _held_back(parts, is_open, plan.groups, shares, seed)
        notes += _notes(parts.labels, train.truth[is_open], groups)
    whole = _taken(parts, places, notes, plan.record())
    try:
        _check_each_part(parts.labels, name, whole)
    except BadData:  # a camera that hardly moved: after its copies are left out, nothing is left
        whole = complete(parts, name, seed, by_recording=False)
        count = len(plan.recordings)
        what = f"warning: {count} recordings share so many equal images that they are not kept apart"
        for note in whole.notes:
            if note.startswith(_LOOK_ALIKE):  # the same cause, and the same advice as that of `plan.notes`
                joined = f"{what}, and {note.removeprefix('warning: ')}"
                return replace(whole, notes=(joined, *(each for each in whole.notes if each != note)))
        alike = f"{what}: accuracy will look better than it is; move the camera or the thing while recording"
        doubts = [note for note in notes if note.startswith("warning: ")]
        return replace(whole, notes=tuple(dict.fromkeys((alike, *doubts, *whole.notes))))
    return whole


def _shared_recordings(parts: Parts) -> Iterator[str]:
    """Yields a warning for each given part with pictures of recordings that others of are in train."""
    train, origins = parts.train, parts.origins
    for part, given in (("test", parts.test), ("val", parts.val)):
        if given and part in origins:
            sides = (origins["train"], train.truth, train.images), (origins[part], given.truth, given.images)
            if found := shared_recordings(*sides, parts.labels):
                one, other = found[0]
                yield (
                    f"warning: recordings that are in {part} and in train: {len(found)}, such as that of "
                    f"{one.path} and {other.path}; accuracy is overstated: put each recording into one part"
                )


def _plan(parts: Parts, shares: Mapping[MissingPart, float], seed: int) -> Dealing | None:
    """Deals out recordings; returns None where there are none."""
    train = parts.train
    origins = parts.origins.get("train")
    if not (origins and parts.alike_is_copy):
        return None
    recordings = find_recordings(origins, train.truth, train.images, parts.labels)
    if not recordings:
        return None
    keys = np.array([_key(image, seed) for image in train.images], np.uint64)
    plan = plan_recordings(recordings, parts.labels, train.truth, shares, keys)
    return replace(plan, places=with_copies(plan.places, train.images))


def _held_back(
    parts: Parts,
    chosen: np.ndarray,
    recordings: np.ndarray | None,
    shares: Mapping[MissingPart, float],
    seed: int,
) -> tuple[np.ndarray, Groups]:
    """Holds back some of the `chosen` training images, bool (N,), group by group.

    Returns:
        Where each goes, int8, and their groups. `recordings` are numbers of more groups, int64 (N,), or -1.
    """
    split = parts.train.where(chosen)
    groups = Groups(equal_groups(split.images))
    if parts.alike_is_copy:
        groups = one_side_groups(split.images, split.truth, sum(shares.values()), 1 + len(shares))
    if recordings is not None:
        groups = groups.joined(recordings[chosen])
    places, left = np.full(len(split), TRAIN, np.int8), np.ones(len(split), bool)
    for turn, (part, share) in enumerate(shares.items()):
        share_of_left = share / (1 - sum([*shares.values()][:turn]))
        keep = len(shares) - turn
        held = hold_back(split.where(left), groups.where(left), share_of_left, seed, keep=keep)
        taken = np.flatnonzero(left)[held]
        places[taken], left[taken] = PLACES[part], False
    return places, groups


def _taken(
    parts: Parts, places: np.ndarray, notes: tuple[str, ...], record: dict[str, Any] | None = None
) -> Whole:
    """Returns the data set whose training images are divided as `places` say, int8 (N,)."""
    chosen = {"train": places == TRAIN}
    if parts.val is None:
        chosen["val"] = places == VAL
    if parts.test is None:
        chosen["test"] = places == TEST
    origins = {**parts.origins}
    if "train" in origins:
        of_train = origins["train"]
        origins |= {
            part: tuple(of_train[place] for place in np.flatnonzero(where)) for part, where in chosen.items()
        }
    val = parts.val or parts.train.where(chosen["val"])
    test = parts.test or parts.train.where(chosen["test"])
    return Whole(parts.train.where(chosen["train"]), val, test, notes, origins, record or {})


def hold_back(split: Split, groups: Groups, share: float, seed: int, keep: int = 1) -> np.ndarray:
    """Chooses about `share` of each class to be held back, in whole groups; returns bool (N,).

    Groups are taken in the order of a hash of their pixels and the seed, not of a random generator: the split
    is the same with every version of numpy and under any file names. A group is taken if that brings its
    classes nearer to their shares. At least one group of each class is held back if possible, and at least
    `keep` groups of each are not.
    """
    keys = np.array([_key(image, seed) for image in split.images], np.uint64)
    numbers = np.unique(groups.numbers, return_inverse=True)[1]
    firsts = np.full(numbers.max() + 1, np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(firsts, numbers, keys)
    counts = np.zeros((len(firsts), split.truth.max() + 1), np.int64)
    np.add.at(counts, (numbers, split.truth), 1)
    return _chosen(counts, np.argsort(firsts, kind="stable"), share, keep)[numbers]


def _chosen(counts: np.ndarray, order: np.ndarray, share: float, keep: int) -> np.ndarray:
    """Returns which groups to hold back, bool (G,); `counts` is int (G, C), their images of each class."""
    total = counts.sum(axis=0)
    wanted = np.where(total > 0, np.maximum(1, np.round(share * total)), 0)
    most = wanted * (1 + _OVERSHOOT)
    held = np.zeros_like(total)
    spare = (counts > 0).sum(axis=0) - keep
    chosen = np.zeros(len(counts), bool)

    def take(group: int) -> None:
        nonlocal held, spare
        chosen[group], held, spare = True, held + counts[group], spare - (counts[group] > 0)

    for group in order:
        if (held >= wanted).all():
            break
        has = counts[group] > 0
        after = held + counts[group]
        nearer = np.abs(after - wanted).sum() < np.abs(held - wanted).sum()
        if nearer and (after <= most)[has].all() and (spare[has] > 0).all():
            take(group)
    for class_index in np.flatnonzero((held == 0) & (total > 0)):  # all its groups exceed its share
        can_go = [
            group
            for group in order
            if counts[group, class_index] and not chosen[group] and (spare[counts[group] > 0] > 0).all()
        ]
        if can_go and held[class_index] == 0:  # a group taken for another class may hold some
            take(min(can_go, key=lambda group: counts[group].sum()))
    return chosen


def _notes(labels: tuple[str, ...], truth: np.ndarray, groups: Groups) -> tuple[str, ...]:
    notes: list[str] = []
    loosened = np.isin(groups.numbers, groups.numbers[np.isin(truth, groups.loosened)])
    sizes = np.unique(groups.numbers[~loosened], return_counts=True)[1]
    bursts = sizes[sizes > 1]
    if len(bursts):
        kept = "the group is" if len(bursts) == 1 else f"each of the {len(bursts):,} groups is"
        notes.append(f"{bursts.sum():,} near-duplicate images (bursts, copies); {kept} kept in one part")
    mixed, pair = _mixed_classes(truth, groups)
    checks = "check that they are in the right folders and that the objects are large enough"
    is_one_cause = groups.loosened and set(pair) <= set(groups.loosened)
    if mixed and not is_one_cause:
        notes.append(
            f"warning: {mixed:,} images are near-duplicates across classes, most often {labels[pair[0]]} and "
            f"{labels[pair[1]]}; {checks}"
        )
    if groups.loosened:
        names = ", ".join(labels[class_index] for class_index in groups.loosened[:5])
        across = f", {mixed:,} across classes" if mixed and is_one_cause else ""
        checked = f"{checks}, and " if across else ""
        notes.append(
            f"{_LOOK_ALIKE}{names} look alike{across}, so near-duplicates are in several parts: "
            f"accuracy will look better than it is; {checked}take pictures on another day "
            "and put them into test/"
        )
    return tuple(notes)


def _mixed_classes(truth: np.ndarray, groups: Groups) -> tuple[int, tuple[int, ...]]:
    """Returns how many images are near-duplicates of other classes, and the two that share most."""
    numbers = np.unique(groups.numbers, return_inverse=True)[1]
    members = np.zeros((numbers.max() + 1, truth.max() + 1), np.int64)
    np.add.at(members, (numbers, truth), 1)
    mixed = members[(members > 0).sum(axis=1) > 1]
    if not len(mixed):
        return 0, ()
    present = (mixed > 0).astype(np.int64)
    shared = np.triu(present.T @ present, 1)
    one, other = np.unravel_index(shared.argmax(), shared.shape)
    return int(mixed.sum()), (int(one), int(other))


def _check_enough(parts: Parts, name: str, needed: int) -> None:
    for class_index, label in enumerate(parts.labels):
        different: set[bytes] = set()
        for image in take(parts.train.images, parts.train.truth == class_index):
            different.add(image.tobytes())
            if len(different) == needed:
                break
        else:
            raise BadData(
                f"{name}: class {label} has {len(different)} different training images, but needs at least "
                f"{needed} for train, val and test; add some"
            )


def _check_each_part(labels: tuple[str, ...], name: str, whole: Whole) -> None:
    for split in (whole.train, whole.val, whole.test):
        counts = np.bincount(split.truth, minlength=len(labels))
        if not counts.all():
            raise BadData(
                f"{name}: class {labels[int(counts.argmin())]} cannot be in each of train, val and test: "
                "its images are near-duplicates of other classes; add different ones"
            )


def _key(image: np.ndarray, seed: int) -> int:
    salt = seed.to_bytes(8, "little")
    return int.from_bytes(hashlib.blake2b(image.tobytes(), digest_size=8, salt=salt).digest(), "little")
