"""Recordings: pictures that one camera took one after the other, found by folders, times and numbers.

A network recognises the table, the light and the clutter of a recording, so that neighbours in it say
nothing about another day, however different they look. Three things tell of a recording, in each class:

- they lie in a folder of `edgecls camera --record`;
- a camera's times, in their names or in EXIF, follow each other with pauses of at most `LONGEST_PAUSE_S`;
- their names end in numbers in a row, or they lie in a sub-folder, and their looks confirm it: neighbours in
  number look alike far more than other pairs do, or all look far more like each other than like the rest of
  the class. Independent pictures are numbered, too, and only their looks tell.

A file's own time is never used: a copy gives the same one to all.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Literal

import numpy as np

from .origins import Origin, place_in_sequence
from .prepared.images import joined
from .signatures import signatures

LONGEST_PAUSE_S = 300.0
"""Between two pictures of one recording: time to put a thing away, and not to go home."""
LEAST_PICTURES = 3
"""Of a recording; fewer are single pictures."""
_LEAST_SEQUENCE = 8
"""Of a numbered sequence or a sub-folder, whose looks must tell."""
_LONGEST_LEAP = 100
"""In the numbers of a sequence, as a multiple of the usual step: telephones number through the years."""
_ALIKE_IN_ROW = 0.85
"""Neighbours in a row look alike if they differ by at most this share of what other pairs in it do..."""
_SIGMAS = 4.0
"""...and by so many standard errors. Frames of a camera in a hand, two in a second, differ by 0.65 to 0.8;
independent pictures by 1."""
_ALIKE_IN_FOLDER = 0.7
"""Pictures of a folder look alike if they differ by at most this share of what they differ from others."""
_CUT = 3.0
"""Another scene begins where neighbours differ by more than this multiple of what they usually do."""
_PAIRS = 2000
_SESSION_PAUSE_S = 3 * 3600.0

Evidence = Literal["folders", "times", "numbers"]


@dataclass(frozen=True)
class Recording:
    """Pictures of one class from one recording."""

    name: str
    """Its folder, or its first file."""
    class_index: int
    places: np.ndarray
    """int (N,): of its pictures, in the order in which they were taken."""
    evidence: Evidence
    session: str
    """The same for recordings of other classes on the same occasion, as far as names or times tell."""


def find_recordings(
    origins: Sequence[Origin], truth: np.ndarray, images: np.ndarray, labels: Sequence[str]
) -> list[Recording]:
    """Finds the recordings of each class.

    Args:
        origins: of the images.
        truth: int (N,), their classes.
        images: uint8 (N, H, W, 3) RGB.
        labels: names of the classes.
    """
    found: list[_Found] = []
    left = np.ones(len(truth), bool)
    for search in (_by_folder, _by_time, _by_number):
        for run in search(_Search(origins, truth, images, np.flatnonzero(left))):
            found.append(run)
            left[run.places] = False
    return _with_sessions(found, labels)


def shared_recordings(
    one: tuple[Sequence[Origin], np.ndarray, np.ndarray],
    other: tuple[Sequence[Origin], np.ndarray, np.ndarray],
    labels: Sequence[str],
) -> list[tuple[Origin, Origin]]:
    """Returns an example of each recording that has pictures in two parts, which were divided elsewhere.

    Args:
        one: origins of the images of one part, their classes, int (N,), and uint8 (N, H, W, 3) RGB.
        other: those of the other part.
        labels: names of the classes.
    """
    sides = [_inside_part(part[0]) for part in (one, other)]
    if {origin.path for origin in sides[0]} & {origin.path for origin in sides[1]}:
        return []  # the same names in both: numbers began anew
    origins = [*sides[0], *sides[1]]
    truth, images = np.concatenate([one[1], other[1]]), joined([one[2], other[2]])
    real = [*one[0], *other[0]]
    found: list[tuple[Origin, Origin]] = []
    for recording in find_recordings(origins, truth, images, labels):
        is_first = recording.places < len(one[1])
        if is_first.any() and not is_first.all():
            first, second = recording.places[is_first][0], recording.places[~is_first][0]
            found.append((real[first], real[second]))
    return found


def _inside_part(origins: Sequence[Origin]) -> list[Origin]:
    """Returns the origins without the folder of the part, such as `train/`."""
    folders = {origin.path.parent.parts for origin in origins}
    levels = enumerate(zip(*folders, strict=False))
    depth = next((level for level, names in levels if len(set(names)) > 1), 0)

    def inside(path: PurePosixPath | None) -> PurePosixPath | None:
        return path and PurePosixPath(*path.parts[depth:])

    return [
        Origin(PurePosixPath(*origin.path.parts[depth:]), inside(origin.recording), origin.taken_at_s)
        for origin in origins
    ]


@dataclass(frozen=True)
class _Search:
    """The pictures to search."""

    origins: Sequence[Origin]
    truth: np.ndarray
    images: np.ndarray
    places: np.ndarray

    def by(self, keys: Iterable[Hashable | None]) -> Iterable[np.ndarray]:
        """Yields the places of each class that share a key; `keys` are those of `places`, None for none."""
        groups: dict[Hashable, list[int]] = defaultdict(list)
        for place, key in zip(self.places, keys, strict=True):
            if key is not None:
                groups[int(self.truth[place]), key].append(int(place))
        return [np.array(group) for group in groups.values()]


@dataclass(frozen=True)
class _Found:
    """A recording before its session is known."""

    key: str
    name: str
    class_index: int
    places: np.ndarray
    evidence: Evidence
    started_s: float | None


def _by_folder(pictures: _Search) -> Iterable[_Found]:
    origins = pictures.origins
    for group in pictures.by(origins[place].recording for place in pictures.places):
        places = np.array(sorted(group, key=lambda place: origins[place].path.parts))
        first = origins[places[0]]
        if first.recording is not None:
            yield _Found(
                first.recording.name,
                str(first.recording),
                int(pictures.truth[places[0]]),
                places,
                "folders",
                None,
            )


def _by_time(pictures: _Search) -> Iterable[_Found]:
    origins = pictures.origins
    for group in pictures.by(
        None if origins[place].taken_at_s is None else "timed" for place in pictures.places
    ):
        times = np.array([origins[int(place)].taken_at_s for place in group], float)
        _, counts = np.unique(times, return_counts=True)
        if counts.max() * 2 > len(times) and len(times) >= LEAST_PICTURES:
            continue  # written by an editor, or a camera without a clock
        order = np.argsort(times, kind="stable")
        breaks = np.flatnonzero(np.diff(times[order]) > LONGEST_PAUSE_S) + 1
        for run in np.split(order, breaks):
            if len(run) >= LEAST_PICTURES:
                first, class_index = origins[int(group[run[0]])], int(pictures.truth[group[0]])
                yield _Found("", str(first.path), class_index, group[run], "times", float(times[run[0]]))


@dataclass(frozen=True)
class _Candidate:
    """Pictures of one class that may be a recording, if their looks say so."""

    key: str
    places: np.ndarray
    """In the order of their numbers, if they have some."""
    numbers: np.ndarray | None


def _by_number(pictures: _Search) -> Iterable[_Found]:
    """Sub-folders that stand out first, whatever is in them; then sequences of numbers."""
    folders = [*_sub_folders(pictures)]
    found = [*_confirmed(pictures, folders)]
    taken = np.concatenate([np.empty(0, int), *(one.places for one in found)])
    rest = replace(pictures, places=np.setdiff1d(pictures.places, taken))
    return [*found, *_confirmed(rest, [*_sequences(rest)])]


def _confirmed(pictures: _Search, candidates: Sequence[_Candidate]) -> Iterable[_Found]:
    """Yields those that their looks confirm."""
    if not candidates:
        return
    looks = signatures(pictures.images).thumbnails.astype(np.int16)
    for one in candidates:
        class_index = int(pictures.truth[one.places[0]])
        others = [
            other.places
            for other in candidates
            if other is not one and pictures.truth[other.places[0]] == class_index
        ]
        in_row = one.numbers is not None and _neighbours_alike(looks[one.places])
        if not (in_row or (others and _stands_out(looks[one.places], looks[np.concatenate(others)]))):
            continue
        for run in _without_leaps(one, looks[one.places]):
            if len(run) >= LEAST_PICTURES:
                yield _Found(one.key, str(pictures.origins[run[0]].path), class_index, run, "numbers", None)


def _sequences(pictures: _Search) -> Iterable[_Candidate]:
    """Pictures in one folder whose names differ in their last number."""
    names = {int(place): pictures.origins[place].path for place in pictures.places}
    found = {place: place_in_sequence(path.name) for place, path in names.items()}
    numbered = {place: where for place, where in found.items() if where is not None}
    keys = (
        (names[place].parent, numbered[place].sequence) if place in numbered else None
        for place in map(int, pictures.places)
    )
    for group in pictures.by(keys):
        if len(group) < _LEAST_SEQUENCE:
            continue
        numbers = np.array([numbered[int(place)].number for place in group])
        order = np.argsort(numbers, kind="stable")
        key = f"{names[int(group[0])].parent.name} {''.join(numbered[int(group[0])].sequence).strip('_-. ')}"
        yield _Candidate(key.strip(), group[order], numbers[order])


def _sub_folders(pictures: _Search) -> Iterable[_Candidate]:
    """Pictures in one folder, in the order of their names."""
    parents = [pictures.origins[place].path.parent for place in pictures.places]
    for group in pictures.by(parents):
        if len(group) >= _LEAST_SEQUENCE:
            paths = {int(place): pictures.origins[place].path for place in group}
            ordered = np.array(sorted(paths, key=lambda place: _natural(paths[place].name)))
            yield _Candidate(paths[ordered[0]].parent.name, ordered, None)


def _natural(name: str) -> list[tuple[int, str]]:
    """Returns a key by which `9.jpg` comes before `10.jpg`."""
    return [(int(part) if part.isdecimal() else -1, part) for part in re.split(r"(\d+)", name)]


def _without_leaps(candidate: _Candidate, looks: np.ndarray) -> list[np.ndarray]:
    """Returns a sequence's places, divided where its numbers leap and where another scene begins."""
    if candidate.numbers is None:
        return [candidate.places]
    steps = np.diff(candidate.numbers)
    leaps = steps > _LONGEST_LEAP * max(1.0, float(np.median(steps)))
    return np.split(candidate.places, np.flatnonzero(leaps | _cuts(looks)) + 1)


def _cuts(looks: np.ndarray) -> np.ndarray:
    """Returns bool (N - 1,): where another scene begins in a row, as between bursts, and stays."""
    near = _differences(looks[1:], looks[:-1])
    far = float(np.median(_far(looks)))
    is_cut = (near > _CUT * np.median(near)) & (near > _ALIKE_IN_FOLDER * far)
    for place in np.flatnonzero(is_cut):
        before, after = looks[max(0, place - 9) : place + 1], looks[place + 1 : place + 11]
        between = np.abs(before[:, np.newaxis] - after).mean(axis=2)
        is_cut[place] = between.min() > far / 2  # else something passed by, and the scene is back
    return is_cut


def _neighbours_alike(looks: np.ndarray) -> bool:
    """Whether neighbours in a row look alike far more than other pairs in it do; `looks` is (N, 192)."""
    near, far = _differences(looks[1:], looks[:-1]), _far(looks)
    error = float(far.std()) / np.sqrt(len(near))
    return bool(near.mean() <= _ALIKE_IN_ROW * far.mean() and near.mean() <= far.mean() - _SIGMAS * error)


def _far(looks: np.ndarray) -> np.ndarray:
    """Returns the differences of random pairs that are no neighbours."""
    one, other = np.random.default_rng(0).integers(0, len(looks), (2, _PAIRS))
    apart = np.abs(one - other) > 1
    return _differences(looks[one[apart]], looks[other[apart]])


def _stands_out(looks: np.ndarray, others: np.ndarray) -> bool:
    """Whether pictures look alike far more than they look like others; both are (N, 192)."""
    random = np.random.default_rng(0)
    one, other = random.integers(0, len(looks), (2, _PAIRS))
    inside = _differences(looks[one[one != other]], looks[other[one != other]])
    across = _differences(looks[one], others[random.integers(0, len(others), _PAIRS)])
    return bool(np.median(inside) <= _ALIKE_IN_FOLDER * np.median(across))


def _differences(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    return np.abs(some - others).mean(axis=1)


# Sessions: which recordings of different classes were made on the same occasion.


def _with_sessions(found: Sequence[_Found], labels: Sequence[str]) -> list[Recording]:
    """Names each recording's session: by a name that classes share, else by time, else by its turn."""
    keys = [_without_label(one.key, labels[one.class_index]) for one in found]
    owners: dict[str, set[int]] = defaultdict(set)
    for one, key in zip(found, keys, strict=True):
        owners[key].add(one.class_index)
    own = Counter((one.class_index, key) for one, key in zip(found, keys, strict=True))
    is_shared = [
        bool(key) and len(owners[key]) > 1 and own[one.class_index, key] == 1
        for one, key in zip(found, keys, strict=True)
    ]
    times = sorted(one.started_s for one in found if one.started_s is not None)
    starts = [
        time
        for before, time in zip([-np.inf, *times], times, strict=False)
        if time - before > _SESSION_PAUSE_S
    ]
    turns: Counter[tuple[int, str]] = Counter()
    recordings: list[Recording] = []
    for one, key, shared in sorted(
        zip(found, keys, is_shared, strict=True), key=lambda each: (each[0].started_s or 0.0, each[0].name)
    ):
        session = key if shared else ""
        if not shared:
            if one.started_s is not None:
                session = f"time {np.searchsorted(starts, one.started_s, side='right')}"
            turn = turns[one.class_index, session]
            turns[one.class_index, session] += 1
            session = f"{session} turn {turn}"
        recordings.append(Recording(one.name, one.class_index, one.places, one.evidence, session))
    return recordings


def _without_label(key: str, label: str) -> str:
    """Returns `monday` for `cup_monday`: names of recordings often begin with the class."""
    return key.casefold().replace(label.casefold(), "").strip("_-. ")
