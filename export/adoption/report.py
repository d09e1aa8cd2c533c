"""What adopt tells: each way that was tried, the one that was chosen, and what the pictures cannot tell."""

from collections.abc import Iterator

from ...data.intervals import percentage
from ...edge_runtime.text import counted
from ...edge_runtime.text_table import Heading, table
from .adopt import Adoption
from .search import Tried

_COLUMNS = (
    Heading("pixels", 2, keeps_words=True),
    Heading("crop", 1, keeps_words=True),
    Heading("accuracy, %", 1, keeps_words=True),
    "pictures",
)
_SHOWN = 8
_NAMED = 3


def render_adoption(adoption: Adoption, width: int | None = None) -> str:
    """Returns the table of what was tried, and lines on the result; `width` is that of `text.table`."""
    return "\n".join(_lines(adoption, width))


def _lines(adoption: Adoption, width: int | None) -> Iterator[str]:
    found, pictures = adoption.found, adoption.pictures
    shown = sorted(found.tried, key=lambda each: (each.seen, each.accuracy), reverse=True)[:_SHOWN]
    yield table(_COLUMNS, [_cells(tried) for tried in shown], width)
    more = len(found.tried) - len(shown)
    yield (
        f"right answers for pictures of {pictures.name} ({pictures.part}), with 95 % intervals"
        + (f"; {more} more ways are worse" if more > 0 else "")
    )
    yield from pictures.notes
    yield from adoption.notes
    if adoption.refusal:
        return
    yield f"chosen: {found.chosen.preparation.options}"
    if found.equal:
        yield from _untold(adoption)
    if adoption.path is not None:
        yield from _figures(adoption)


def _figures(adoption: Adoption) -> Iterator[str]:
    """What the file is worth, and on which pictures that was measured."""
    interval, confidence = adoption.interval, adoption.confidence
    ends = f" ({100 * interval.low:.1f}-{100 * interval.high:.1f})" if interval else ""
    on = f"{counted(adoption.judged, 'picture')}"
    if confidence is None:
        yield f"accuracy: {100 * adoption.accuracy:.1f} %{ends} of {on}, the same that it was chosen by"
        yield "threshold: none; these are too few pictures to fit one"
        return
    yield f"accuracy: {100 * adoption.accuracy:.1f} %{ends} of {on} that nothing was chosen by"
    yield (
        f"threshold: {confidence.threshold:.2f} at temperature {confidence.temperature:.2f}, fitted on the "
        f'other {adoption.fitted:,}: "unknown" to {confidence.unanswered:.0%} of them, and '
        f"{confidence.precision:.0%} of the other answers are right; --conf takes another"
    )


def _cells(tried: Tried) -> tuple[str, ...]:
    preparation = tried.preparation
    interval = tried.interval
    figure = (
        "cannot run"
        if tried.failure
        else percentage(tried.accuracy, interval and interval.low, interval and interval.high)
    )
    return preparation.pixels_text, preparation.crop_text, figure, f"{tried.seen:,}"


def _untold(adoption: Adoption) -> Iterator[str]:
    found = adoption.found
    options = [tried.preparation.options for tried in found.equal]
    more = f" and {len(options) - _NAMED} more" if len(options) > _NAMED else ""
    why = "the commonest of these is taken"
    if found.chosen.preparation.is_stated:
        why = "its scale is what the file says, and the crop the commonest"
    count = found.chosen.seen
    yield (
        f"{counted(count, 'picture')} do not tell it from: {', '.join(options[:_NAMED])}{more}; "
        f"{why}; add pictures, or give the options that you know"
    )
