"""Topics of a camera at its broker, and what labels are called there.

Values are retained, so that who subscribes later knows them; events are not. Labels are never part of a
topic, where `+` and `#` would be wildcards.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from ...text import printable

Value = Literal["label", "confidence", "fps", "age", "temperature", "model", "health"]
"""What is published as text, each below its own topic."""
VALUES: tuple[Value, ...] = get_args(Value)
UNKNOWN = "unknown"
"""The payload of `label` where nothing is announced."""
NOTHING = "None"
"""The payload of a value that there is none of now; Home Assistant shows it as unknown."""
ONLINE, OFFLINE = "online", "offline"
_MOST_CHARACTERS = 255
"""Of a state, in Home Assistant."""
HOME_ASSISTANT = "homeassistant"
"""The prefix of its discovery."""
HOME_ASSISTANT_STATUS = f"{HOME_ASSISTANT}/status"


@dataclass(frozen=True)
class Topics:
    """The topics of one camera."""

    base: str
    device_id: str

    def value(self, value: Value) -> str:
        """Of a value, retained."""
        return f"{self.base}/{value}"

    @property
    def availability(self) -> str:
        """`online`, or `offline` by the broker when the camera is gone; retained."""
        return f"{self.base}/availability"

    @property
    def picture(self) -> str:
        """The picture of the last change, JPEG; retained."""
        return f"{self.base}/picture"

    @property
    def event(self) -> str:
        """Events as JSON; never retained."""
        return f"{self.base}/event"

    @property
    def command(self) -> str:
        """What the camera is asked for; see `Command`."""
        return f"{self.base}/command"

    @property
    def discovery(self) -> str:
        """What Home Assistant reads; retained."""
        return f"{HOME_ASSISTANT}/device/{self.device_id}/config"

    @property
    def retained(self) -> tuple[str, ...]:
        """Everything that the broker keeps; the discovery first, as Home Assistant then forgets the rest."""
        return (self.discovery, *map(self.value, VALUES), self.picture, self.availability)


def label_words(labels: Iterable[str]) -> Mapping[str, str]:
    """Returns the payload of each label: printable, not empty, not too long, and like no other.

    A label that is itself called `unknown` is `label:unknown`, as `--on` writes it.

    >>> label_words(["cat", "unknown"])
    {'cat': 'cat', 'unknown': 'label:unknown'}
    """
    words: dict[str, str] = {}
    taken = {UNKNOWN, NOTHING}
    for label in labels:
        word = printable(label).strip()
        if not word or word in (UNKNOWN, NOTHING):
            word = f"label:{word}"
        word, number = word[:_MOST_CHARACTERS], 1
        while word in taken:
            number += 1
            ending = f" ({number})"
            bare = re.sub(r" \(\d+\)$", "", word) if number > 2 else word
            word = bare[: _MOST_CHARACTERS - len(ending)] + ending
        taken.add(word)
        words[label] = word
    return words
