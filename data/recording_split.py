"""Splits classes of a few recordings so that no recording is trained on and tested with."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..edge_runtime.text import counted
from .near_duplicates import equal_groups, near_groups
from .recordings import Recording

MissingPart = Literal["val", "test"]

TRAIN, VAL, TEST, LEFT_OUT, OPEN = range(5)
"""Where a picture goes; `OPEN`: not decided here."""
PLACES: dict[MissingPart, int] = {"val": VAL, "test": TEST}

FEW = 12
"""Recordings of a class that are dealt out one by one; more are groups like bursts."""
_GAP = 0.05
"""The share of a recording that is left out between two pieces of it: neighbours look alike."""
_LEAST_WITH_GAP = 12
_LEAST_SHARE = 0.05
"""Of a class; smaller recordings are trained on."""
_LARGEST = 2 / 3
"""The share of a class above which a recording is not held back, if there is another."""


@dataclass(frozen=True)
class Dealing:
    """Where the pictures of recordings go."""

    recordings: tuple[Recording, ...]
    labels: tuple[str, ...]
    places: np.ndarray
    """int8 (N,): `TRAIN` to `OPEN`."""
    single: tuple[int, ...]
    """Classes of one recording, which is in every part, one piece after the other."""
    halved: tuple[int, ...]
    """Classes of two recordings, of which one is for training; the others are the halves of the other."""

    @property
    def groups(self) -> np.ndarray:
        """The number of each picture's recording, int64 (N,); -1 where it has none."""
        numbers = np.full(len(self.places), -1)
        for number, one in enumerate(self.recordings):
            numbers[one.places] = number
        return numbers

    def notes(self, truth: np.ndarray, *, is_tested: bool) -> Iterator[str]:
        """Yields what the user should know, a line each; `is_tested`: the test images come from here."""
        found = " and ".join(
            f"by {evidence}" for evidence in Counter(one.evidence for one in self.recordings)
        )
        left_out = int((self.places == LEFT_OUT).sum())
        kept = "it is" if len(self.recordings) == 1 else "each is"
        line = f"{counted(len(self.recordings), 'recording')}, found {found}: {kept} kept in one part"
        if self.halved:
            line += "; of classes with two, one is for training, the other half val and half test"
        if self.single:
            line += f"; of classes with one, {'val and test are' if is_tested else 'val is'} its end"
        left = f"{counted(left_out, 'image')} between parts {'is' if left_out == 1 else 'are'}"
        yield line + (f"; {left} left out" if left_out else "")
        if self.single and is_tested:
            yield _warning([(self.labels[index], *self._recorded(index, truth)) for index in self.single])

    def _recorded(self, class_index: int, truth: np.ndarray) -> tuple[int, int]:
        largest = max(len(one.places) for one in self.recordings if one.class_index == class_index)
        return largest, int((truth == class_index).sum())

    def record(self) -> dict[str, Any]:
        """Returns the recordings and where their pictures went, for a report in JSON."""
        names = {TRAIN: "train", VAL: "val", TEST: "test", LEFT_OUT: "left_out"}
        return {
            "rule": "each recording in one part where a class has enough of them",
            "recordings": [
                {
                    "name": one.name,
                    "label": self.labels[one.class_index],
                    "found_by": one.evidence,
                    "images": len(one.places),
                    **{name: int((self.places[one.places] == place).sum()) for place, name in names.items()},
                }
                for one in self.recordings
                if (self.places[one.places] != OPEN).any()
            ],
        }


_NAMED = 3


def _warning(classes: Sequence[tuple[str, int, int]]) -> str:
    """Returns what to do about classes of one recording: (label, its pictures, all of the class)."""
    first, recorded, count = classes[0]
    if len(classes) == 1:
        which = f"all {count:,}" if recorded == count else f"{recorded:,} of {count:,}"
        what = f"{which} pictures of {first} come from one recording"
    else:
        named = ", ".join(f"{label} ({recorded:,})" for label, recorded, _ in classes[:_NAMED])
        more = f" and of {len(classes) - _NAMED} more classes" if len(classes) > _NAMED else ""
        what = f"the pictures of {named}{more} come from one recording of each"
    return (
        f"warning: {what}; accuracy on pictures of another day is likely to be much lower; record "
        f"{first if len(classes) == 1 else 'each'} again on another day, into a folder of its own such as "
        f"{first}/tuesday/"
    )


def plan_recordings(
    recordings: Sequence[Recording],
    labels: tuple[str, ...],
    truth: np.ndarray,
    shares: Mapping[MissingPart, float],
    keys: np.ndarray,
) -> Dealing:
    """Deals out the recordings of each class that consists of a few.

    With as many as there are parts, each is in one part. With two for three parts, one is for training, and
    validation and test are the halves of the other. A single one is cut into pieces. Recordings of one
    session go to the same part in all classes as far as possible: else a network that tells days apart, by
    their light, would seem to be wrong, or right, about classes.

    Args:
        recordings: of all classes.
        labels: of the classes.
        truth: int (N,), the classes of all images.
        shares: the missing parts, test first, with the share of a class that each should get.
        keys: uint64 (N,), of the images and the seed: which sessions are held back first.
    """
    places = np.full(len(truth), OPEN, np.int8)
    classes = {
        index: found for index, found in _by_class(recordings).items() if _is_dealt(index, found, truth)
    }
    ranks = _session_ranks(classes, keys)
    single: list[int] = []
    halved: list[int] = []
    for index, found in classes.items():
        places[np.concatenate([one.places for one in found])] = TRAIN
        least = _LEAST_SHARE * sum(len(one.places) for one in found)
        ranked = sorted(
            (one for one in found if len(one.places) >= least),
            key=lambda one: (ranks[one.session], keys[one.places].min()),
        )
        ranked.sort(key=lambda one: _is_most(one, found))  # keeps the order otherwise
        if len(ranked) > len(shares):
            _deal(ranked, shares, places)
        elif len(ranked) > 1:
            halved.append(index)
            places[ranked[0].places] = _pieces(len(ranked[0].places), [(VAL, 0.5), (TEST, 0.5)])
        else:
            single.append(index)
            held = [(PLACES[part], share) for part, share in reversed([*shares.items()])]
            places[ranked[0].places] = _pieces(
                len(ranked[0].places), [(TRAIN, 1 - sum(shares.values())), *held]
            )
    return Dealing(tuple(recordings), labels, places, tuple(single), tuple(halved))


def with_copies(places: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Returns the places with loose copies of recorded pictures beside them, and no picture in two parts.

    Args:
        places: int8 (N,), of a plan.
        images: uint8 (N, H, W, 3) RGB.
    """
    places = places.copy()
    groups, is_open = near_groups(images), places == OPEN
    placed = np.zeros((groups.max() + 1, LEFT_OUT), np.int64)
    np.add.at(placed, (groups[places < LEFT_OUT], places[places < LEFT_OUT]), 1)
    of_group = np.where(placed.any(axis=1), placed.argmax(axis=1), LEFT_OUT)
    joins = is_open & np.isin(groups, groups[~is_open])
    places[joins] = of_group[groups[joins]]
    equal = equal_groups(images)
    for place, before in ((VAL, [TRAIN]), (TEST, [TRAIN, VAL])):
        places[(places == place) & np.isin(equal, equal[np.isin(places, before)])] = LEFT_OUT
    return places


def _by_class(recordings: Sequence[Recording]) -> dict[int, list[Recording]]:
    found: dict[int, list[Recording]] = defaultdict(list)
    for one in recordings:
        found[one.class_index].append(one)
    return dict(sorted(found.items()))


def _is_dealt(class_index: int, recordings: Sequence[Recording], truth: np.ndarray) -> bool:
    """Whether most of a class is a few recordings."""
    recorded = sum(len(one.places) for one in recordings)
    return len(recordings) <= FEW and 2 * recorded >= (truth == class_index).sum()


def _session_ranks(classes: Mapping[int, Sequence[Recording]], keys: np.ndarray) -> dict[str, int]:
    """Returns the order in which sessions are held back: those of most classes first, then by key."""
    sessions: dict[str, list[Recording]] = defaultdict(list)
    for found in classes.values():
        for one in found:
            sessions[one.session].append(one)

    def rank(session: str) -> tuple[int, int]:
        members = sessions[session]
        return -len({one.class_index for one in members}), min(int(keys[one.places].min()) for one in members)

    return {session: turn for turn, session in enumerate(sorted(sessions, key=rank))}


def _is_most(one: Recording, recordings: Sequence[Recording]) -> bool:
    return len(one.places) > _LARGEST * sum(len(each.places) for each in recordings)


def _deal(ranked: Sequence[Recording], shares: Mapping[MissingPart, float], places: np.ndarray) -> None:
    """Gives each missing part at least one recording, more while that brings it nearer to its share."""
    left, total = [*ranked], sum(len(one.places) for one in ranked)
    for turn, part in enumerate(shares):
        reserved, held = len(shares) - turn, 0  # for the parts that follow, and for training
        while len(left) > reserved:
            size, wanted = len(left[0].places), shares[part] * total
            if held and abs(held + size - wanted) >= abs(held - wanted):
                break
            places[left.pop(0).places] = PLACES[part]
            held += size


def _pieces(count: int, shares: Sequence[tuple[int, float]]) -> np.ndarray:
    """Returns where the pictures of a recording go, in order, int8 (N,): pieces with gaps between them."""
    sizes = [max(1, round(share * count)) for _, share in shares]
    sizes[0] = max(1, count - sum(sizes[1:]))
    pieces = [np.full(size, place, np.int8) for (place, _), size in zip(shares, sizes, strict=True)]
    if count >= _LEAST_WITH_GAP:
        gap = max(1, round(_GAP * count))
        for piece in pieces[:-1]:
            piece[max(1, len(piece) - gap) :] = LEFT_OUT
    return np.concatenate(pieces)[:count]
