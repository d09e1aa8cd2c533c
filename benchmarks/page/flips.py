"""The test images on which a file and Keras differ in being right, to be looked at."""

from collections.abc import Sequence
from html import escape

import numpy as np

from ..accuracy import Flip
from ..held_out import HeldOut
from .entry import Entry
from .thumbnail import data_uri

MOST_SHOWN = 20
"""Of a file, each way."""
_MOST_OPEN = 6
"""With more files, their pictures are folded away."""


def flips(files: Sequence[Entry], tests: HeldOut) -> str:
    """A part for each file that has a Keras original; an empty text where none has."""
    paired = [entry for entry in files if entry.file.accuracy and entry.file.accuracy.paired]
    is_open = len(paired) <= _MOST_OPEN
    return "".join(_of_file(entry, tests, is_open=is_open) for entry in paired)


def image_figure(image: np.ndarray, caption: str, about: str) -> str:
    """A picture, uint8 (H, W, 3) RGB, enlarged without smoothing. `caption` is markup, `about` is text."""
    return (
        f'<figure class="picture"><img src="{data_uri(image)}" alt="{escape(about)}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _of_file(entry: Entry, tests: HeldOut, *, is_open: bool) -> str:
    paired = entry.file.accuracy.paired if entry.file.accuracy else None
    found = paired.flips if paired else ()
    lost = [flip for flip in found if flip.is_lost]
    gained = [flip for flip in found if not flip.is_lost]
    name = f"<h3>{escape(entry.name)}</h3>"
    if not found:
        none = "None: it is right where Keras is right, and wrong where it is wrong."
        return f"<section>{name}<p>{none}</p></section>"
    return (
        f'<section class="flips" data-path="{escape(entry.file.path)}"><details{" open" if is_open else ""}>'
        f"<summary>{name} {len(lost):,} lost, {len(gained):,} gained</summary>"
        f"{_group('Lost: Keras was right', lost, tests)}{_group('Gained: Keras was wrong', gained, tests)}"
        "</details></section>"
    )


def _group(title: str, found: Sequence[Flip], tests: HeldOut) -> str:
    if not found:
        return ""
    # Where Keras was surest: the rest are mostly pictures that it could hardly tell either.
    shown = sorted(found, key=lambda flip: -flip.keras_probability)[:MOST_SHOWN]
    rest = f", and {len(found) - len(shown):,} more in report.json" if len(shown) < len(found) else ""
    pictures = "".join(_picture(flip, tests) for flip in shown)
    return f'<h4>{title} ({len(shown)}{rest})</h4><div class="pictures">{pictures}</div>'


def _picture(flip: Flip, tests: HeldOut) -> str:
    truth, keras, answer = (escape(tests.labels[place]) for place in (flip.truth, flip.keras, flip.answer))
    # Where it was right, the truth is told by that answer.
    caption = (
        f"<b>{truth}</b><span>{keras} {flip.keras_probability:.0%}</span>"
        f"<span>→ {answer} {flip.probability:.0%}</span>"
    )
    return image_figure(
        tests.images[flip.image], caption, f"test image {flip.image}: {tests.labels[flip.truth]}"
    )
