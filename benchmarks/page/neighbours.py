"""What the test images share with the other splits, to be looked at."""

from html import escape

from ..held_out import HeldOut
from ..leaks import Leak
from .flips import image_figure

_MOST_SHOWN = 24


def neighbours(leaks: tuple[Leak, ...], tests: HeldOut) -> str:
    """A part for each split that shares images; an empty text where none does."""
    return "".join(_of_split(leak, tests) for leak in leaks if leak.equal or leak.near)


def _of_split(leak: Leak, tests: HeldOut) -> str:
    kinds = (("equal to", leak.equal), ("nearly equal to", leak.near))
    return "".join(
        f"<h3>{len(places):,} {kind} one of {leak.images:,} {escape(leak.split)} images</h3>"
        f'<div class="pictures">{_pictures(places, tests)}</div>{_rest(places)}'
        for kind, places in kinds
        if places
    )


def _pictures(places: tuple[int, ...], tests: HeldOut) -> str:
    return "".join(
        image_figure(tests.images[place], f"<b>{escape(label)}</b>", f"test image {place}: {label}")
        for place in places[:_MOST_SHOWN]
        for label in (tests.labels[tests.truth[place]],)
    )


def _rest(places: tuple[int, ...]) -> str:
    more = len(places) - _MOST_SHOWN
    return f"<p>And {more:,} more in report.json.</p>" if more > 0 else ""
