"""Which files are worth having: their order, the Pareto front, and the best one within limits."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median


@dataclass(frozen=True)
class Candidate:
    """One int8 file."""

    path: str
    format: str
    """`TFLite` or `ONNX`."""
    network: str
    """Files of the same network and format differ in their weights alone."""
    val_accuracy: float
    """Top-1 on the validation split, 0 to 1."""
    size_bytes: int
    p50_ms: float
    """For one picture."""
    usual_bytes: float | None = None
    """Of its network and format, to compare sizes by; None is its own size."""

    @property
    def size_kb(self) -> int:
        """In 1,000 bytes, rounded up."""
        return math.ceil(self.size_bytes / 1000)


@dataclass(frozen=True)
class Limits:
    """What a device bears; None is no limit."""

    max_kb: float | None = None
    """In 1,000 bytes."""
    max_ms: float | None = None
    """Of the median time for one picture."""

    def excess(self, candidate: Candidate) -> float:
        """How many times the limit a file takes, of the one that it is farthest beyond; up to 1 it fits."""
        used = [(candidate.size_bytes / 1000, self.max_kb), (candidate.p50_ms, self.max_ms)]
        return max((value / limit for value, limit in used if limit is not None), default=0.0)

    @property
    def text(self) -> str:
        """For people, such as `200 kB and 5 ms`; empty without any."""
        limits = ((self.max_kb, "kB"), (self.max_ms, "ms"))
        return " and ".join(f"{limit:g} {unit}" for limit, unit in limits if limit is not None)


def with_shared_costs(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Gives files of the same network and format the median of their times, and of their sizes as the usual.

    They do the same arithmetic with other weights: what their times differ in is the machine's noise, and
    their sizes the text of the card. Either would put one of them on the front for nothing.
    """
    alike: dict[tuple[str, str], list[Candidate]] = defaultdict(list)
    for one in candidates:
        alike[one.network, one.format].append(one)
    return tuple(
        replace(
            one,
            p50_ms=median(other.p50_ms for other in alike[one.network, one.format]),
            usual_bytes=median(other.size_bytes for other in alike[one.network, one.format]),
        )
        for one in candidates
    )


def ranked(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """The most accurate first; of equals the faster, then the smaller."""
    return tuple(sorted(candidates, key=_merit))


def pareto_front(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Those that no other file beats, ranked: none is at least as good in all three and better in one.

    The three are validation accuracy, time, and the usual size in whole kB.
    """
    return ranked(one for one in candidates if not any(_beats(other, one) for other in candidates))


def best_within(candidates: Iterable[Candidate], limits: Limits) -> Candidate | None:
    """The first of the ranking that is within the limits; None where none is."""
    return next((one for one in ranked(candidates) if limits.excess(one) <= 1), None)


def nearest_to(candidates: Iterable[Candidate], limits: Limits) -> Candidate:
    """The file that is least beyond the limits, which none is within."""
    return min(ranked(candidates), key=limits.excess)


def _merit(one: Candidate) -> tuple[float, float, int, str]:
    return -one.val_accuracy, one.p50_ms, one.size_bytes, one.path


def _beats(one: Candidate, other: Candidate) -> bool:
    costs, others = _costs(one), _costs(other)
    return costs != others and all(cost <= its for cost, its in zip(costs, others, strict=True))


def _costs(one: Candidate) -> tuple[float, float, int]:
    size_bytes = one.size_bytes if one.usual_bytes is None else one.usual_bytes
    return -one.val_accuracy, one.p50_ms, math.ceil(size_bytes / 1000)
