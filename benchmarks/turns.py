"""Turns: what is compared is measured step by step in rounds, so that a disturbance affects all alike.

More files than can be open at once are measured in groups.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TypeVar

from ..edge_runtime.errors import EdgeclsError

AT_ONCE = 16
"""Processes, of which each holds some 35 MB that it shares with no other."""
_KERAS_PLACES = 4
"""Its process holds 600 MB: not more than four of them at once."""

_DRIFT = 1.1

Item = TypeVar("Item")


def take_turns(
    subjects: Sequence[Generator[None]], failed: Callable[[int, EdgeclsError], None] | None = None
) -> None:
    """Takes one step of each subject a round; every other round backwards, so that no order favours one.

    Args:
        subjects: each yields after a step, and ends when it has been measured.
        failed: called with the position of a subject that failed, and its error; the others continue.
            Without it an error ends all.
    """
    with ExitStack() as stack:
        for subject in subjects:
            stack.callback(subject.close)
        places = list(range(len(subjects)))
        while places:
            places = [place for place in places if _take_step(subjects[place], place, failed)][::-1]


def _take_step(
    subject: Generator[None], place: int, failed: Callable[[int, EdgeclsError], None] | None
) -> bool:
    """Takes one step; whether there may be another."""
    try:
        next(subject)
    except StopIteration:
        return False
    except EdgeclsError as error:
        if failed is None:
            raise
        failed(place, error)
        return False
    return True


# Groups of files that are too many to live at once.


@dataclass(frozen=True)
class Grouping:
    """How files were measured that are too many to be open at once."""

    groups: int
    at_once: int
    """Files in a group, at most."""
    reference: str
    """The path of the file that was timed again in each group, so that drift between them shows."""
    p50_ms: tuple[float, ...]
    """Of the reference, group by group."""

    @property
    def spread(self) -> float:
        """Between its slowest and its fastest group, as a ratio; 1 is none."""
        return max(self.p50_ms) / min(self.p50_ms)

    @property
    def line(self) -> str:
        """For people."""
        name = PurePath(self.reference).name
        return (
            f"{self.groups} groups of at most {self.at_once} files; {name} was timed in each: "
            f"p50 {min(self.p50_ms):.3f} to {max(self.p50_ms):.3f} ms"
        )

    @property
    def warning(self) -> str:
        """A warning where the machine's speed changed between the groups; empty where it did not."""
        if self.spread < _DRIFT:
            return ""
        return (
            f"the machine's speed changed by {self.spread - 1:.0%} between groups of files: times of "
            "different groups do not compare; run it again when it is idle"
        )


def places_of(path: Path) -> int:
    """How many of the `AT_ONCE` places a file's process takes; by its suffix, before it is opened."""
    return _KERAS_PLACES if path.suffix == ".h5" else 1


def grouped(
    items: Iterable[Item], places: Callable[[Item], int], reserved: int = 0, at_once: int = AT_ONCE
) -> Iterator[list[Item]]:
    """Groups that take at most `at_once` places together, each at least one item.

    Args:
        items: in their order.
        places: that an item takes.
        reserved: places that all groups but the first leave free, for the reference.
        at_once: places.
    """
    group: list[Item] = []
    room = at_once
    for item in items:
        if group and places(item) > room:
            yield group
            group, room = [], at_once - reserved
        group.append(item)
        room -= places(item)
    if group:
        yield group
