"""Pictures to look at: labels that are probably wrong, near-duplicates, and pictures unlike all others."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .examples import Examples, log_probabilities, scores_by_others

OWN_AT_MOST, OTHER_AT_LEAST = 0.002, 0.9
"""Probabilities of its label and of another one, by which a picture is suspected."""
_MORE_THAN_EXPECTED = 4.0
"""Times as many suspects as there would be among right labels, by the probabilities themselves: below it,
none is listed. Right labels of hard classes give up to 2.6 times as many: CIFAR-10's."""
_OWN_IN_EASY_SETS = 0.03
"""Instead of the first, where classes are told apart so well that few labels are doubtful."""
_DOUBTFUL = 0.5
_CERTAINLY_WRONG = 0.5
"""A probability of its label below which a picture is left out when the others are judged again."""
_WITNESSES = 2
"""Near-duplicates that agree on another label, from which a single picture's label is contradicted."""
_VOTE_NOISE = 0.02
_VOTE_WEIGHT = 0.3
"""Near-duplicates repeat one another: their votes count less than independent ones."""


@dataclass(frozen=True)
class Suspect:
    """A picture whose label is probably wrong."""

    place: int
    """Among the examples."""
    label: int
    suggested: int
    probability: float
    """Of its label, 0 to 1, by all other pictures but its own group's."""
    group: int
    """Suspects of one group stand together: a whole burst may be in the wrong folder."""


@dataclass(frozen=True)
class Judgement:
    """What all others say of each picture's label."""

    suspicion: np.ndarray
    """float64 (N,): the higher, the more probably the label is wrong."""
    suggested: np.ndarray
    """int64 (N,): the best of the other classes."""
    own: np.ndarray
    """float64 (N,): the probability of the label, 0 to 1."""
    other: np.ndarray
    """float64 (N,): that of the suggested class."""
    contradicted: np.ndarray
    """bool (N,): near-duplicates agree on the suggested class."""
    expected: float
    """Pictures that would be suspected if all labels were right."""


def judge(of: Examples, bursts: np.ndarray) -> Judgement:
    """Judges each label by all other groups' pictures, and by near-duplicates of the picture.

    What is very probably wrong does not take part when the others are judged for the second time.

    Args:
        of: the examples.
        bursts: int (N,): the same number for near-duplicates.
    """
    first = log_probabilities(scores_by_others(of), of.truth)
    places = np.arange(len(of))
    trusted = first[places, of.truth] > np.log(_CERTAINLY_WRONG / of.classes)
    logs = log_probabilities(scores_by_others(of, trusted.astype(float)), of.truth)
    votes = _votes(of, bursts)
    share = (votes + _VOTE_NOISE) / (votes.sum(axis=1, keepdims=True) + _VOTE_NOISE * of.classes)
    own, other, suggested = _compared(logs + _VOTE_WEIGHT * np.log(share), of.truth)
    contradicted = (votes[places, suggested] >= _WITNESSES) & (votes.sum(axis=1) == votes[places, suggested])
    return Judgement(
        other - own,
        suggested,
        np.exp(logs[places, of.truth]),
        np.exp(logs[places, suggested]),
        contradicted,
        _expected(np.exp(logs)),
    )


def suspects(of: Examples, judged: Judgement) -> tuple[Suspect, ...]:
    """Returns the labels that are probably wrong, worst first."""
    is_other = judged.other >= OTHER_AT_LEAST
    is_suspect = (judged.own <= OWN_AT_MOST) & is_other
    if is_suspect.sum() < _MORE_THAN_EXPECTED * judged.expected:
        is_suspect[:] = False
    stands_out = (judged.own <= _OWN_IN_EASY_SETS) & is_other
    if ((judged.own < _DOUBTFUL) & ~stands_out).sum() <= stands_out.sum():
        is_suspect |= stands_out
    is_suspect |= judged.contradicted & (judged.own < judged.other)
    order = np.argsort(-judged.suspicion, kind="stable")
    return tuple(
        Suspect(
            int(place),
            int(of.truth[place]),
            int(judged.suggested[place]),
            float(judged.own[place]),
            int(of.groups[place]),
        )
        for place in order
        if is_suspect[place]
    )


def _expected(probabilities: np.ndarray) -> float:
    """Returns how many labels would be improbable though they are right; float (N, C)."""
    is_sure = probabilities.max(axis=1, keepdims=True) >= OTHER_AT_LEAST
    return float((probabilities * ((probabilities <= OWN_AT_MOST) & is_sure)).sum())


def _votes(of: Examples, bursts: np.ndarray) -> np.ndarray:
    """Returns how many near-duplicates of each picture have each label, float (N, C), without its own."""
    bursts = np.unique(bursts, return_inverse=True)[1]
    counts = np.zeros((bursts.max() + 1, of.classes))
    np.add.at(counts, (bursts, of.truth), 1)
    votes = counts[bursts]
    votes[np.arange(len(of)), of.truth] -= 1
    return votes


def _compared(logs: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the values of the labels and of the best other classes, float (N,), and these classes."""
    places = np.arange(len(truth))
    others = logs.copy()
    others[places, truth] = -np.inf
    best = others.argmax(axis=1)
    return logs[places, truth], logs[places, best], best


# Near-duplicates.


@dataclass(frozen=True)
class Alike:
    """Near-duplicates that should not be: of two classes, or on two sides of the split."""

    places: tuple[int, ...]
    """Among the examples, one of each class or side."""
    pictures: int
    """In the whole group."""


def alike(bursts: np.ndarray, apart: np.ndarray) -> tuple[Alike, ...]:
    """Returns the groups of near-duplicates that are not all of one kind, largest first; both int (N,)."""
    found: list[Alike] = []
    order = np.argsort(bursts, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(bursts[order])) + 1):
        kinds, first = np.unique(apart[members], return_index=True)
        if len(kinds) > 1:
            found.append(Alike(tuple(int(place) for place in members[first]), len(members)))
    return tuple(sorted(found, key=lambda group: -group.pictures))


# Pictures unlike all others.

_NEIGHBOURS = 3
_FAR = 3.0
"""Robust standard deviations beyond the median: none of 2,360 drawn things, none of 5,000 of CIFAR-10."""
_BLOCK = 512


def unusual(of: Examples, groups: Sequence[int] | np.ndarray) -> tuple[int, ...]:
    """Returns the places of pictures that are far from all other groups' pictures, the farthest first.

    The distance is the mean one to the three nearest pictures in other groups, of the features' directions.
    What is far is told by median and median deviation of its logarithm: a few strange pictures do not widen
    them.
    """
    groups = np.asarray(groups)
    distances = np.log(np.maximum(_to_nearest(of.features[:, :-1], groups), 1e-6))
    middle = np.median(distances)
    deviation = 1.4826 * max(float(np.median(np.abs(distances - middle))), 1e-3)
    far = (distances - middle) / deviation
    return tuple(int(place) for place in np.argsort(-far, kind="stable") if far[place] > _FAR)


def _to_nearest(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    squares = (values**2).sum(axis=1)
    found = np.empty(len(values))
    count = min(_NEIGHBOURS, len(values) - 1)
    for start in range(0, len(values), _BLOCK):
        rows = slice(start, start + _BLOCK)
        apart = squares[rows, np.newaxis] + squares - 2 * values[rows] @ values.T
        apart[groups[rows, np.newaxis] == groups] = np.inf
        nearest = np.partition(apart, count - 1, axis=1)[:, :count]
        is_known = np.isfinite(nearest)
        roots = np.sqrt(np.maximum(np.where(is_known, nearest, 0), 0))
        found[rows] = roots.sum(axis=1) / np.maximum(is_known.sum(axis=1), 1)
    return found
