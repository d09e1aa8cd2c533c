"""A way from a camera's JPEG to a label, with a clock between its steps."""

from collections.abc import Iterable, Iterator
from time import perf_counter_ns
from typing import NamedTuple, Protocol


class Timed(NamedTuple):
    """One frame's answer, and how long each stage took."""

    label: int | None
    """The best label's position; None from a way that gives none."""
    stages_ns: tuple[int, ...]


class Way(Protocol):
    """Something that is done with each frame, in stages."""

    engine: str
    """The engine and its version."""

    @property
    def stages(self) -> tuple[str, ...]:
        """Their names, in order."""
        ...

    def answers(self, frames: Iterable[bytes]) -> Iterator[Timed]:
        """Classifies frame after frame, usually JPEGs, in the loop that a program of this kind is."""
        ...


Samples = tuple[tuple[int, ...], ...]
"""Nanoseconds, (frames, stages)."""


def time_window(answers: Iterator[Timed], seconds: float) -> Samples:
    """Times frame after frame for at least `seconds`; nothing is left out.

    One frame comes before them, for the caches and clocks that other processes had meanwhile: a camera runs
    all the time.
    """
    next(answers)
    samples: list[tuple[int, ...]] = []
    end_ns = perf_counter_ns() + round(seconds * 1e9)
    while not samples or perf_counter_ns() < end_ns:
        samples.append(next(answers).stages_ns)
    return tuple(samples)
