"""Totals: what a camera loop has done since its start, in counts that only grow."""

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field

from ..camera.answer import Answer
from ..camera.event import Event

AGE_BOUNDS_S = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5)
"""Upper bounds of the frame ages that are counted together, in seconds; above the last one is one more."""
MOST_LABELS = 100
"""So many labels are counted by name; those after them together, as `OTHER`."""
OTHER = "(other)"
UNKNOWN = "unknown"


@dataclass
class Totals:
    """Counts of one run; written by the loop's thread."""

    answers: int = 0
    ages: list[int] = field(default_factory=lambda: [0] * (len(AGE_BOUNDS_S) + 1))
    """Answers by the age of their frame: up to each of `AGE_BOUNDS_S`, and above."""
    ages_s: float = 0.0
    """The sum of the ages, in seconds."""
    announced: Counter[str] = field(default_factory=Counter[str])
    """How often each label was announced anew; "unknown" where none was any more."""
    events: Counter[str] = field(default_factory=Counter[str])
    """By kind."""

    def add_answer(self, answer: Answer) -> None:
        """Counts an answer; none for a frozen picture, which is not classified."""
        if answer.frame.is_frozen:
            return
        age_s = answer.timing.age_ms / 1e3
        self.answers += 1
        self.ages[bisect_left(AGE_BOUNDS_S, age_s)] += 1
        self.ages_s += age_s

    def add_event(self, event: Event) -> None:
        """Counts an event, and the label that it announces."""
        self.events[event.kind] += 1
        if event.kind == "label_changed":
            label = str(event.facts.get("label") or UNKNOWN)
            is_counted = label in self.announced or len(self.announced) < MOST_LABELS
            self.announced[label if is_counted else OTHER] += 1

    def copy(self) -> "Totals":
        """Returns the counts as they are now."""
        return Totals(
            self.answers, list(self.ages), self.ages_s, Counter(self.announced), Counter(self.events)
        )
