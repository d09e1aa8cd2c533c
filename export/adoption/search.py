"""The search for how a network's pictures were prepared: each way is tried on pictures of known classes.

First the ways that differ in scale and channels, then those of the best that differ in the crop. All see a
few pictures, and what is clearly worse than the best by then sees no more.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from ...data.answers import LabelOrder, best_order, is_far_better, weak_answers
from ...data.intervals import Interval, mcnemar_p, share
from ...data.known_pictures import KnownPictures
from ...edge_runtime.errors import EngineStuck, InvalidOutput
from .preparations import Known, Preparation, scalings, with_crops

ROUNDS = (32, 96)
"""Pictures after which what is clearly worse is given up; at the end come all."""
_GIVEN_UP = 0.01
_APART = 0.05
_FITS_BETTER = 0.05
"""Mean difference of the logarithms of probabilities that is worth a word: answers by 5 % more probable."""
_ORDER_BELOW = 0.6
"""Accuracy of the best under which another order of labels is looked for before anything is given up."""
_LEAST_PROBABILITY = 1e-3
_MOST_WITH_CROPS = 2
"""Scalings that the crops are tried with, where the pictures do not tell them apart."""

Answer = Callable[[Preparation, np.ndarray], np.ndarray]
"""Returns the float32 (N, C) probabilities for pictures, uint8 (N, *rule.shape)."""


@dataclass
class Tried:
    """A preparation, and what the network answers to the first of the pictures with it."""

    preparation: Preparation
    truth: np.ndarray = field(repr=False)
    """int64 (N,), of all pictures."""
    probabilities: np.ndarray = field(repr=False)
    """float32 (n, C)."""
    failure: str = ""
    """Why the network could not be run with it."""

    @property
    def seen(self) -> int:
        """How many pictures it has seen."""
        return len(self.probabilities)

    @property
    def answers(self) -> np.ndarray:
        """int64 (n,): the best output for each picture."""
        return self.probabilities.argmax(1)

    @property
    def right(self) -> np.ndarray:
        """Bool (n,)."""
        return self.answers == self.truth[: self.seen]

    @property
    def accuracy(self) -> float:
        """The share of right answers, 0 to 1."""
        return float(self.right.mean()) if self.seen else 0.0

    @property
    def interval(self) -> Interval | None:
        """Of the accuracy."""
        return share(int(self.right.sum()), self.seen) if self.seen else None

    @property
    def fits(self) -> np.ndarray:
        """Float (n,): the logarithm of the true label's probability, not below `_LEAST_PROBABILITY`."""
        true = self.probabilities[np.arange(self.seen), self.truth[: self.seen]]
        return np.log(np.clip(true.astype(np.float64), _LEAST_PROBABILITY, 1))

    @property
    def order(self) -> LabelOrder | None:
        """The order of labels that fits its answers best."""
        return None if self.failure else best_order(self.answers, self.truth[: self.seen])

    def is_weak(self, labels: tuple[str, ...]) -> bool:
        """Whether its answers are not clearly better than one always the same: it may be the best of many."""
        truth, interval = self.truth[: self.seen], self.interval
        if interval is None or weak_answers(self.answers, truth, labels):
            return True
        return interval.low <= float(np.bincount(truth).max()) / self.seen


@dataclass(frozen=True)
class Found:
    """The result of a search."""

    labels: tuple[str, ...]
    tried: tuple[Tried, ...]
    """The best first."""
    chosen: Tried
    equal: tuple[Tried, ...]
    """Others that the pictures do not tell from the one chosen."""
    order: LabelOrder | None
    """Another order of labels, where it fits far better than the given one."""

    @cached_property
    def is_by_chance(self) -> bool:
        """Whether the best answers are not clearly better than chance, in the given order of labels."""
        return self.chosen.is_weak(self.labels)


class Search:
    """Tries preparations on pictures with known classes.

    Args:
        known: what need not be tried.
        pictures: prepared by every rule of `crops(known)`.
        labels: of the network.
        answer: runs the network.
        on_step: called with what is being done.
    """

    def __init__(
        self,
        known: Known,
        pictures: KnownPictures,
        labels: tuple[str, ...],
        answer: Answer,
        on_step: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._known, self._labels, self._answer, self._on_step = known, labels, answer, on_step
        self._images, self._truth = pictures.images, pictures.truth
        self._by_order = False
        self._tried: dict[Preparation, Tried] = {}

    def run(self) -> Found:
        """Finds the preparation that makes most answers right."""
        self._on_step("trying scales and channels")
        alive: list[Tried] = []
        if self._known.stated:
            alive = self._race(scalings(self._known, as_stated=True))
        if not alive or self._are_weak(alive):
            others = [each for each in scalings(self._known, as_stated=False) if each not in self._tried]
            alive = self._race([*(tried.preparation for tried in alive), *others])
        self._on_step("trying crops")
        best = self._equal_to_best(alive)[:_MOST_WITH_CROPS]
        alive = self._race(list(with_crops((each.preparation for each in best), self._known)))
        return self._judged(alive)

    def _race(self, preparations: Sequence[Preparation]) -> list[Tried]:
        """Shows all pictures to those that are not clearly worse than the best of them; returns these."""
        alive = [self._tried.setdefault(each, self._new(each)) for each in preparations]
        everything = len(self._truth)
        for count in (*(count for count in ROUNDS if count < everything), everything):
            for tried in alive:
                self._show(tried, count)
            alive = [tried for tried in alive if not tried.failure] or alive[:1]
            if not self._by_order and max(tried.accuracy for tried in alive) < _ORDER_BELOW:
                self._by_order = self._has_other_order(alive, count)
            best = max(alive, key=self._rank_of(count))
            alive = [each for each in alive if not self._is_worse(each, best, _GIVEN_UP)]
        return alive

    def _new(self, preparation: Preparation) -> Tried:
        return Tried(preparation, self._truth, np.zeros((0, len(self._labels)), np.float32))

    def _show(self, tried: Tried, count: int) -> None:
        """Shows it the pictures up to `count`; those that another way prepares alike are not run again."""
        if tried.failure or tried.seen >= count:
            return
        images = self._of(tried)[:count]
        alike = (other for other in self._tried.values() if other.seen >= count and _sees_alike(other, tried))
        for other in alike:
            if np.array_equal(self._of(other)[:count], images):
                tried.probabilities = other.probabilities[:count]
                return
        try:
            answers = self._answer(tried.preparation, images[tried.seen :])
        except EngineStuck:  # nothing else can be asked of it
            raise
        except InvalidOutput as error:
            tried.failure = str(error)
            return
        if not np.isfinite(answers).all():
            tried.failure = "gave NaN or infinity"
            return
        tried.probabilities = np.concatenate([tried.probabilities, answers])

    def _of(self, tried: Tried) -> np.ndarray:
        """The pictures as they are prepared; those in BGR are the others, turned."""
        rule = tried.preparation.rule
        if rule.channels == "bgr":
            return self._images[replace(rule, channels="rgb")][..., ::-1]
        return self._images[rule]

    def _are_weak(self, alive: Sequence[Tried]) -> bool:
        return max(alive, key=self._rank).is_weak(self._labels) and not self._by_order

    def _has_other_order(self, alive: Sequence[Tried], count: int) -> bool:
        """Whether another order of labels fits far better than any preparation does as they are given."""
        orders = [order.right[:count] for each in alive if not each.failure and (order := each.order)]
        if not orders:
            return False
        as_given = max((each.right[:count] for each in alive), key=np.count_nonzero)
        return is_far_better(max(orders, key=np.count_nonzero), as_given)

    def _right(self, tried: Tried) -> np.ndarray:
        order = tried.order if self._by_order else None
        return tried.right if order is None else order.right

    def _rank(self, tried: Tried) -> tuple[int, float]:
        fit = 0.0 if self._by_order or not tried.seen else float(tried.fits.mean())
        return (-1 if tried.failure else int(self._right(tried).sum())), fit

    def _rank_of(self, count: int) -> Callable[[Tried], tuple[int, float]]:
        """Ranks by the first pictures alone, as an earlier race may have shown some more of them."""

        def rank(tried: Tried) -> tuple[int, float]:
            right = -1 if tried.failure else int(self._right(tried)[:count].sum())
            return right, self._rank(tried)[1]

        return rank

    def _is_worse(self, tried: Tried, best: Tried, level: float) -> bool:
        """Whether the pictures tell that a preparation is worse than the best."""
        if tried.failure or tried is best:
            return tried is not best
        count = min(tried.seen, best.seen)
        right, best_right = self._right(tried)[:count], self._right(best)[:count]
        p = mcnemar_p(int((best_right & ~right).sum()), int((right & ~best_right).sum()))
        if p is not None and p < level and best_right.sum() > right.sum():
            return True
        if self._by_order or level < _APART:
            return False
        differences = best.fits[:count] - tried.fits[:count]  # a right answer may be a sure one, or just so
        if count < 2 or not differences.std() or differences.mean() < _FITS_BETTER:
            return False
        from scipy.stats import ttest_1samp  # noqa: PLC0415 - half a second, after what is refused

        found: Any = ttest_1samp(differences, 0, alternative="greater")
        return bool(found.pvalue < _GIVEN_UP)

    def _equal_to_best(self, alive: Sequence[Tried]) -> list[Tried]:
        """Those that the pictures do not tell from the best, itself among them, the likeliest first."""
        best = max(alive, key=self._rank)
        return [each for each in alive if not self._is_worse(each, best, _APART)]

    def _is_as_good(self, tried: Tried, best: Tried) -> bool:
        """Whether it may be taken for being the commoner way: the difference is within its standard error."""
        right, best_right = self._right(tried), self._right(best)
        differing = int((right != best_right).sum())
        return int(best_right.sum()) - int(right.sum()) <= differing**0.5

    def _judged(self, alive: Sequence[Tried]) -> Found:
        equal = self._equal_to_best(alive)
        stated = [each for each in equal if each.preparation.is_stated]
        most = max(stated or equal, key=self._rank)
        best = next(each for each in stated or equal if self._is_as_good(each, most))
        order = best.order
        is_other = order is not None and is_far_better(order.right, best.right)
        tried = sorted(self._tried.values(), key=lambda each: (each.seen, *self._rank(each)), reverse=True)
        others = tuple(each for each in equal if each is not best)
        return Found(self._labels, tuple(tried), best, others, order if is_other else None)


def _sees_alike(one: Tried, other: Tried) -> bool:
    """Whether two preparations differ at most in the part of the picture."""
    first, second = one.preparation, other.preparation
    return first.scaling == second.scaling and first.rule.channels == second.rule.channels
