"""Kept picture: what the inbox notes of each, and the order in which they teach.

Each picture `20261201_142355_123.jpg` has a file `20261201_142355_123.json` beside it. That one is written
first and removed last, so that no picture is without it.
"""

import base64
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np

from ...errors import EdgeclsError
from ...files import TEXT_BYTES, read_whole
from ...images.look import LOOK_VALUES, Look
from ...prediction import Prediction
from ...schema import Base64, Range, checked, parse_json

Reason = Literal["unsure", "changed", "unlike", "random"]
Unit = Annotated[float, Range(0, 1)]
RANDOM_SHARE = 0.1
"""Of the kept pictures, at most so many are random ones once the inbox is full."""
_HASH_BYTES = 8


@dataclass(frozen=True)
class Kept:
    """What is noted of a picture in the inbox."""

    reason: Reason
    """Why it was kept: the model was unsure; another label was announced; nothing seen before looks like it;
    or by chance, so that the inbox also shows what the camera usually sees."""
    guess: str
    """The best label, whatever its probability."""
    announced: str | None
    """None for "unknown"."""
    scores: tuple[tuple[str, float], ...]
    """(label, probability), best first; as many as the loop ranks."""
    margin: Unit
    """Between the best two; see `margin_of`."""
    unlike: Unit
    """How little it looked like everything seen before: 0 equal, 1 very different."""
    draw: Unit
    """A random number: of random pictures, those with the largest stay, each with the same chance."""
    taken_at: str
    """Wall clock, ISO 8601 in UTC."""
    burst: str
    """The same for pictures without a longer pause between them; they belong on one side of a split."""
    sequence: Annotated[int, Range(0)]
    """`Frame.sequence`."""
    model: str
    model_sha256: str
    source: str
    look: Annotated[str, Base64(_HASH_BYTES + LOOK_VALUES)]
    """See `packed`."""
    roi: str | None = None
    """The region of the picture that the model saw; None: all of it."""
    inbox: Literal["edgecls 1"] = "edgecls 1"

    @property
    def worth(self) -> float:
        """How much a label for it teaches, 0 to 2: `(1 - margin) + unlike`.

        By margin, a label moves the border between two classes where the model does not know it; by what is
        unlike the rest, it covers what the model has never seen. Both have the same weight.
        """
        return 1 - self.margin + self.unlike

    def to_json(self) -> str:
        """Returns the content of its file."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n"

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Reads its file; None where that is another's, or damaged."""
        with suppress(ValueError, EdgeclsError):
            kept = checked(cls, parse_json(read_whole(path, TEXT_BYTES)))
            unpacked(kept.look)
            return kept
        return None


def margin_of(prediction: Prediction) -> float:
    """Returns the difference between the best two probabilities, 0 to 1: near 0, the model is unsure.

    Of a ranking of one label, the second is taken to have all the rest.
    """
    (_, best), *others = prediction.ranking
    second = others[0][1] if others else min(best, 1 - best)
    return min(1.0, max(0.0, best - second))


def first_to_go(kept: Mapping[str, Kept]) -> str:
    """Returns the name of the least useful picture: the first to go when there is no room.

    Random ones go first while they are more than their share, those with the smallest `draw` before others,
    which leaves a fair sample; then what is worth least, the oldest of equals.
    """
    random = [name for name, each in kept.items() if each.reason == "random"]
    if random and (len(random) > RANDOM_SHARE * len(kept) or len(random) == len(kept)):
        return min(random, key=lambda name: kept[name].draw)
    chosen = (name for name in kept if kept[name].reason != "random")
    return min(chosen, key=lambda name: (kept[name].worth, kept[name].taken_at))


def packed(look: Look) -> str:
    """Returns a look as base64: 8 bytes of its hash, little-endian, and 192 of its thumbnail."""
    return base64.b64encode(
        int(look.hash).to_bytes(_HASH_BYTES, "little") + look.thumbnail.tobytes()
    ).decode()


def unpacked(text: str) -> Look:
    """Returns the look that `packed` gave.

    Raises:
        ValueError: it is none.
    """
    content = base64.b64decode(text, validate=True)
    if len(content) != _HASH_BYTES + LOOK_VALUES:
        raise ValueError("not a look")
    number = int.from_bytes(content[:_HASH_BYTES], "little")
    return Look(np.uint64(number), np.frombuffer(content, np.uint8, offset=_HASH_BYTES))
