"""The parts of a data set, and how a missing part is held back from another."""

import hashlib
from dataclasses import dataclass

import numpy as np

from ..edge_runtime.errors import BadData
from .near_duplicates import Groups, equal_groups, one_side_groups

_ALL_PARTS = 3
_OVERSHOOT = 0.25
"""How far the share of a class may be exceeded to keep groups whole, as a share of it."""


@dataclass(frozen=True)
class Split:
    """Images and their classes."""

    images: np.ndarray
    """uint8 (N, H, W, 3) RGB, prepared for the network."""
    truth: np.ndarray
    """int64 (N,), indices into the data set's labels."""

    def __len__(self) -> int:
        return len(self.truth)

    def where(self, chosen: np.ndarray) -> "Split":
        """Returns the images that a bool (N,) array chooses, in order."""
        return Split(self.images[chosen], self.truth[chosen])


@dataclass(frozen=True)
class Parts:
    """A data set as it was found; `complete` takes missing parts from `train`."""

    labels: tuple[str, ...]
    train: Split
    val: Split | None = None
    test: Split | None = None
    skipped: tuple[str, ...] = ()
    """Files that were not usable, each with its reason."""
    mirrored_is_same: bool = True
    """Whether a mirrored image keeps its label: false for digits and letters."""
    alike_is_copy: bool = True
    """Whether nearly equal images are copies or of one burst: false for digits, which all look alike."""
    notes: tuple[str, ...] = ()
    """What the user should know about how the files were read, a line each."""
    bits: int = 16
    """See `ImageRule.bits`."""


@dataclass(frozen=True)
class Whole:
    """A data set in its three parts."""

    train: Split
    val: Split
    test: Split
    notes: tuple[str, ...] = ()
    """What the user should know about the split, a line each."""


def complete(parts: Parts, name: str, seed: int) -> Whole:
    """Returns train, val and test; a missing part is held back from train, the same share of each class.

    Both missing: 70 % train, 15 % val, 15 % test. Val missing: 5 % of train, so that the documented recipe
    keeps nearly all of its training images. Test missing: 15 % of train. Near-duplicates stay on one side;
    see `one_side_groups`.

    Raises:
        BadData: a class has too few different images for each part; `name` is the data set's.
    """
    train, val, test = parts.train, parts.val, parts.test
    needed = 1 + (val is None) + (test is None)
    if val and test:
        return Whole(train, val, test)
    _check_enough(parts, name, needed)
    share = 0.30 if needed == _ALL_PARTS else 0.15 if test is None else 0.05
    groups = Groups(equal_groups(train.images))
    if parts.alike_is_copy:
        groups = one_side_groups(train.images, train.truth, share, needed)
    notes = _notes(parts.labels, train.truth, groups)
    if test is None:
        held = hold_back(train, groups, 0.15, seed, keep=needed - 1)
        train, test, groups = train.where(~held), train.where(held), groups.where(~held)
    if val is None:
        held = hold_back(train, groups, 0.15 / 0.85 if needed == _ALL_PARTS else 0.05, seed)
        train, val = train.where(~held), train.where(held)
    _check_each_part(parts.labels, name, (train, val, test))
    return Whole(train, val, test, notes)


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


def stratified(truth: np.ndarray, count: int, seed: int, *, is_balanced: bool = False) -> np.ndarray:
    """Returns the sorted positions of `count` images, seeded, so that every class has its part of them.

    Args:
        truth: int64 (N,), the images' classes.
        count: how many; all where there are fewer.
        seed: the same seed takes the same images.
        is_balanced: as many of each class, as far as it has them, instead of its share; each to within one.
    """
    shuffled = np.random.default_rng(seed).permutation(len(truth))
    place = np.empty(len(truth))  # of an image within its own class
    for label in np.unique(truth):
        of_label = shuffled[truth[shuffled] == label]
        turn = np.arange(len(of_label))
        place[of_label] = turn if is_balanced else (turn + 0.5) / len(of_label)
    return np.sort(shuffled[np.argsort(place[shuffled], kind="stable")][:count])


def digest(labels: tuple[str, ...], splits: tuple[Split, ...]) -> str:
    """Returns the SHA-256 over labels, pixels, classes and the split."""
    sha256 = hashlib.sha256("\n".join(labels).encode())
    for split in splits:
        sha256.update(repr(split.images.shape).encode())
        sha256.update(np.ascontiguousarray(split.images).data)
        sha256.update(np.ascontiguousarray(split.truth, "<i8").data)
    return sha256.hexdigest()


def _notes(labels: tuple[str, ...], truth: np.ndarray, groups: Groups) -> tuple[str, ...]:
    notes = []
    sizes = np.unique(groups.numbers, return_counts=True)[1]
    bursts = sizes[sizes > 1]
    if len(bursts):
        kept = "the group is" if len(bursts) == 1 else f"each of the {len(bursts):,} groups is"
        notes.append(f"{bursts.sum():,} near-duplicate images (bursts, copies); {kept} kept in one part")
    if alike := _mixed_classes(labels, truth, groups):
        notes.append(alike)
    if groups.loosened:
        names = ", ".join(labels[class_index] for class_index in groups.loosened[:5])
        notes.append(
            f"warning: nearly all images of {names} look alike, so near-duplicates are in several parts: "
            "accuracy will look better than it is; take pictures on another day and put them into test/"
        )
    return tuple(notes)


def _mixed_classes(labels: tuple[str, ...], truth: np.ndarray, groups: Groups) -> str | None:
    """Returns a warning about near-duplicates in several classes, or None."""
    members = np.zeros((groups.numbers.max() + 1, len(labels)), np.int64)
    np.add.at(members, (groups.numbers, truth), 1)
    mixed = members[(members > 0).sum(axis=1) > 1]
    if not len(mixed):
        return None
    present = (mixed > 0).astype(np.int64)
    shared = np.triu(present.T @ present, 1)
    one, other = np.unravel_index(shared.argmax(), shared.shape)
    return (
        f"warning: {mixed.sum():,} images are near-duplicates across classes, most often {labels[one]} and "
        f"{labels[other]}; check that they are in the right folders and that the objects are large enough"
    )


def _check_enough(parts: Parts, name: str, needed: int) -> None:
    for class_index, label in enumerate(parts.labels):
        different: set[bytes] = set()
        for image in parts.train.images[parts.train.truth == class_index]:
            different.add(image.tobytes())
            if len(different) == needed:
                break
        else:
            raise BadData(
                f"{name}: class {label} has {len(different)} different training images, but needs at least "
                f"{needed} for train, val and test; add some"
            )


def _check_each_part(labels: tuple[str, ...], name: str, splits: tuple[Split, ...]) -> None:
    for split in splits:
        counts = np.bincount(split.truth, minlength=len(labels))
        if not counts.all():
            raise BadData(
                f"{name}: class {labels[int(counts.argmin())]} cannot be in each of train, val and test: "
                "its images are near-duplicates of other classes; add different ones"
            )


def _key(image: np.ndarray, seed: int) -> int:
    salt = seed.to_bytes(8, "little")
    return int.from_bytes(hashlib.blake2b(image.tobytes(), digest_size=8, salt=salt).digest(), "little")
