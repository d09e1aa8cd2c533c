"""The parts of a data set, and how one is cut from another."""

import hashlib
from dataclasses import dataclass

import numpy as np

from ..edge_runtime.errors import BadData
from .near_duplicates import near_groups

# Which images must stay on one side of a split: bursts and other near-duplicates.
#
# A network that has seen a picture in training recognises its neighbour in the burst, so that a test which
# holds the neighbour says nothing about new pictures.

_STRICTER = (2.0, 4.0)
"""What nearness is divided by, one after the other, where all pictures of a class are one group."""


@dataclass(frozen=True)
class Groups:
    """Images that belong together."""

    numbers: np.ndarray
    """int64 (N,): the same for images of one group."""
    loosened: tuple[int, ...] = ()
    """Classes of which nearly equal images may be on both sides, as there was no other way to split them."""

    def where(self, chosen: np.ndarray) -> "Groups":
        """Those of the images that a bool (N,) array chooses."""
        return Groups(self.numbers[chosen], self.loosened)


def one_side_groups(images: np.ndarray, truth: np.ndarray, share: float, parts: int) -> Groups:
    """Groups of near-duplicates, of any class, that leave each class enough to be split.

    A camera that never moves makes all its pictures nearly equal. Where so many of a class are in one group
    that the rest is less than what must be held back, that group is taken apart by a stricter measure, at
    last by equality of all pixels: neighbours in a burst mostly stay together, and the class is `loosened`.

    Args:
        images: uint8 (N, H, W, 3) RGB.
        truth: int (N,), their classes.
        share: of each class, how much will be held back in all.
        parts: how many parts need a group of each class.
    """
    numbers = near_groups(images)
    loosened: set[int] = set()
    while breakable := {
        label: finer
        for label, members in _too_large(numbers, truth, share, parts).items()
        if (finer := _finer(images[members], members)) is not None
    }:
        for members, finer in breakable.values():
            numbers[members] = numbers.max() + 1 + finer
        loosened |= breakable.keys()
    return Groups(numbers, tuple(sorted(loosened)))


def equal_groups(images: np.ndarray) -> np.ndarray:
    """Groups of images of which all pixels are equal, int64 (N,): a number for each group."""
    digests = [hashlib.blake2b(image.tobytes(), digest_size=16).hexdigest() for image in images]
    return np.unique(digests, return_inverse=True)[1]


def _too_large(numbers: np.ndarray, truth: np.ndarray, share: float, parts: int) -> dict[int, np.ndarray]:
    """Classes that cannot be split while their largest group stays whole, and the places of that group."""
    found: dict[int, np.ndarray] = {}
    for class_index in np.unique(truth):
        of_class = numbers[truth == class_index]
        groups, counts = np.unique(of_class, return_counts=True)
        outside = len(of_class) - counts.max()
        if outside < share * len(of_class) - 1 or len(groups) < parts:
            found[int(class_index)] = np.flatnonzero(numbers == groups[counts.argmax()])
    return found


def _finer(images: np.ndarray, members: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """The members with their numbers by the first stricter measure that parts them; None where none does."""
    for strictness in _STRICTER:
        finer = near_groups(images, strictness)
        if len(np.unique(finer)) > 1:
            return members, finer
    finer = equal_groups(images)
    return (members, finer) if len(np.unique(finer)) > 1 else None


_ALL_PARTS = 3
_OVERSHOOT = 0.25
"""Of its share, how much more of a class may be held back for the sake of whole groups."""


@dataclass(frozen=True)
class Split:
    """Images with their classes."""

    images: np.ndarray
    """uint8 (N, H, W, 3) RGB, prepared for the network."""
    truth: np.ndarray
    """int64 (N,), indices into the data set's labels."""

    def __len__(self) -> int:
        return len(self.truth)

    def where(self, chosen: np.ndarray) -> "Split":
        """The images that a bool (N,) array chooses, in order."""
        return Split(self.images[chosen], self.truth[chosen])


@dataclass(frozen=True)
class Parts:
    """A data set as it was found; `complete` cuts what is missing from `train`."""

    labels: tuple[str, ...]
    train: Split
    val: Split | None = None
    test: Split | None = None
    skipped: tuple[str, ...] = ()
    """What could not be used, each with its reason."""
    mirrored_is_same: bool = True
    """Whether a mirrored image keeps its label: not so for digits and letters."""
    alike_is_copy: bool = True
    """Whether nearly equal images are copies or of one burst: not so for digits, which are drawn alike."""


@dataclass(frozen=True)
class Whole:
    """A data set in its three parts."""

    train: Split
    val: Split
    test: Split
    notes: tuple[str, ...] = ()
    """What its user should know of how it was cut, a line each."""


def complete(parts: Parts, name: str, seed: int) -> Whole:
    """Train, val and test; a part that was not given is held back from train, the same share of each class.

    Neither given: 70 % train, 15 % val, 15 % test. Val missing: 5 % of train, which leaves a documented
    recipe nearly all it was documented with. Test missing: 15 % of train. Near-duplicates stay on one side
    of what is cut here; see `one_side_groups`.

    Raises:
        BadData: a class has too few different images to be in each part; `name` is the data set's.
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
    """Chooses about `share` of each class, in whole groups, to be held back: bool (N,).

    Groups are taken in the order of a hash of their pixels and the seed, not of a random generator: that
    gives the same split with every version of numpy, whatever the files are called. A group is taken where
    that brings its classes nearer to their shares; at least one of each class is where that is possible, and
    `keep` of each are not.
    """
    keys = np.array([_key(image, seed) for image in split.images], np.uint64)
    numbers = np.unique(groups.numbers, return_inverse=True)[1]
    firsts = np.full(numbers.max() + 1, np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(firsts, numbers, keys)
    counts = np.zeros((len(firsts), split.truth.max() + 1), np.int64)
    np.add.at(counts, (numbers, split.truth), 1)
    return _chosen(counts, np.argsort(firsts, kind="stable"), share, keep)[numbers]


def _chosen(counts: np.ndarray, order: np.ndarray, share: float, keep: int) -> np.ndarray:
    """Which groups to hold back, bool (G,), where int (G, C) of their images are of each class."""
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
    for class_index in np.flatnonzero((held == 0) & (total > 0)):  # all its groups are larger than its share
        can_go = [
            group
            for group in order
            if counts[group, class_index] and not chosen[group] and (spare[counts[group] > 0] > 0).all()
        ]
        if can_go and held[class_index] == 0:  # a group of two classes may have been taken for the other
            take(min(can_go, key=lambda group: counts[group].sum()))
    return chosen


def digest(labels: tuple[str, ...], splits: tuple[Split, ...]) -> str:
    """SHA-256 over labels, pixels, classes and how they are split."""
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
        each = f"each of their {len(bursts):,} groups stays" if len(bursts) > 1 else "their group stays"
        notes.append(
            f"{bursts.sum():,} images are nearly equal to others (bursts, copies); {each} in one part"
        )
    if alike := _alike_under_other_labels(labels, truth, groups):
        notes.append(alike)
    if groups.loosened:
        names = ", ".join(labels[class_index] for class_index in groups.loosened[:5])
        notes.append(
            f"warning: nearly all images of {names} look alike, so that some neighbours had to be parted: "
            "accuracy will seem better than it is; photograph some on another day and put them into test/"
        )
    return tuple(notes)


def _alike_under_other_labels(labels: tuple[str, ...], truth: np.ndarray, groups: Groups) -> str | None:
    """What to say where copies lie in folders of several classes; None where none do."""
    members = np.zeros((groups.numbers.max() + 1, len(labels)), np.int64)
    np.add.at(members, (groups.numbers, truth), 1)
    mixed = members[(members > 0).sum(axis=1) > 1]
    if not len(mixed):
        return None
    present = (mixed > 0).astype(np.int64)
    shared = np.triu(present.T @ present, 1)
    one, other = np.unravel_index(shared.argmax(), shared.shape)
    return (
        f"warning: {mixed.sum():,} images are nearly equal to some of another class, most often those of "
        f"{labels[one]} and {labels[other]}; look whether they are in the right folder, and show enough of "
        "the thing"
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
                f"{name}: class {label} has {len(different)} different training images, and needs at least "
                f"{needed} to be in each of train, val and test; add some"
            )


def _check_each_part(labels: tuple[str, ...], name: str, splits: tuple[Split, ...]) -> None:
    for split in splits:
        counts = np.bincount(split.truth, minlength=len(labels))
        if not counts.all():
            raise BadData(
                f"{name}: class {labels[int(counts.argmin())]} cannot be in each of train, val and test: "
                "its images are nearly equal to those of other classes; add different ones"
            )


def _key(image: np.ndarray, seed: int) -> int:
    salt = seed.to_bytes(8, "little")
    return int.from_bytes(hashlib.blake2b(image.tobytes(), digest_size=8, salt=salt).digest(), "little")
