"""What an examination says, in a few plain lines, and what to do next."""

from collections.abc import Iterator, Sequence

from ...data.intervals import Interval
from ...edge_runtime.text import counted
from .curve import LearningCurve
from .examine import FEW_TESTED, Examination, Recall, Sample, divided
from .suspects import Suspect

_NAMED = 3
"""Files named in the terminal; the page shows more."""
_LITTLE = 0.005
"""Of accuracy: a gain below it is not worth twice the pictures."""


def accuracy_line(found: Examination) -> str:
    """Returns the accuracy with its interval."""
    accuracy = f"{100 * found.right / found.tested:.1f} %"
    count = f"{found.right:,} of {found.tested:,} test pictures right"
    if found.interval is None:
        return f"accuracy: {accuracy}; {count}"
    return f"accuracy: {accuracy} ({percent(found.interval)}); {count}"


def percent(interval: Interval) -> str:
    """Returns an interval of shares as text: `91.5 to 96.3 %`."""
    return f"{100 * interval.low:.1f} to {100 * interval.high:.1f} %"


def points(interval: Interval) -> str:
    """Returns an interval of differences of shares as text: `-0.5 to +2.0`."""
    return f"{100 * interval.low:+.1f} to {100 * interval.high:+.1f}"


def advice(found: Examination, pictures: Sample | None, labels: Sequence[str], arch: str) -> list[str]:
    """Returns what to do next, the most useful first."""
    lines: list[str] = []
    if pictures is not None:
        wrong, of_background = divided(found.suspects, labels)
        lines += _labels_to_look_at(wrong, pictures.files, labels)
        lines += _background_to_look_at(of_background, pictures.files, labels)
        lines += _copies(found, pictures.files)
    if found.tested < FEW_TESTED:
        tested = counted(found.tested, "test picture")
        lines.append(f"only {tested}: take more, {FEW_TESTED} or more, to know the accuracy")
    lines += _weakest(found)
    if found.curve is not None:
        lines += [*_network(found, found.curve, arch), doubled(found.curve)]
    if pictures is not None and found.unusual:
        named = ", ".join(pictures.files[place] for place in found.unusual[:_NAMED])
        lines.append(f"unlike all others: {counted(len(found.unusual), 'picture')}, such as {named}")
    return lines


def _labels_to_look_at(
    found: Sequence[Suspect], files: Sequence[str], labels: Sequence[str]
) -> Iterator[str]:
    if not found:
        return
    what = "this label" if len(found) == 1 else f"these {len(found):,} labels"
    yield f"look at {what}, probably wrong: {_named(found, files, labels)}"


def _background_to_look_at(
    found: Sequence[Suspect], files: Sequence[str], labels: Sequence[str]
) -> Iterator[str]:
    if not found:
        return
    look = "picture looks" if len(found) == 1 else "pictures look"
    move = "move it if it shows" if len(found) == 1 else "move those that show"
    yield (
        f"{len(found):,} {labels[found[0].label]} {look} like another class; {move} one: "
        f"{_named(found, files, labels)}"
    )


def _named(found: Sequence[Suspect], files: Sequence[str], labels: Sequence[str]) -> str:
    """Returns the first of them, one of each burst, with the classes that they look like."""
    bursts: dict[tuple[int, int, int], list[Suspect]] = {}
    for one in found:
        bursts.setdefault((one.group, one.label, one.suggested), []).append(one)
    shown = [*bursts.values()][:_NAMED]
    named = ", ".join(
        f"{files[first.place]}{f' and {len(more)} like it' if more else ''} ({labels[first.suggested]}?)"
        for first, *more in shown
    )
    left = len(found) - sum(map(len, shown))
    return f"{named}{f' and {left:,} more' if left else ''}"


def _copies(found: Examination, files: Sequence[str]) -> Iterator[str]:
    if found.between_classes:
        one = found.between_classes[0]
        named = " and ".join(files[place] for place in one.places[:2])
        count = counted(len(found.between_classes), "group")
        yield f"near-duplicates with different labels: {count}, such as {named}"


def _weakest(found: Examination) -> Iterator[str]:
    """Names a class only if its recall is lower than that of all by more than chance."""
    others = [one for one in found.recalls if one.tested]
    if len(others) < 2:
        return
    weakest = others[0]
    if weakest.interval and weakest.interval.high < found.right / found.tested:
        taken_for = f", most often taken for {weakest.taken_for}" if weakest.taken_for else ""
        yield f"add pictures of {weakest.label}: {recognised(weakest)}{taken_for}"


def recognised(one: Recall) -> str:
    """Returns the recall of a class in words."""
    return f"{one.right:,} of {one.tested:,} recognised"


def _network(found: Examination, curve: LearningCurve, arch: str) -> Iterator[str]:
    """Names the pretrained network where it would be better by more than chance."""
    reached = curve.points[-1]
    if not arch.startswith("lite0") and found.interval and reached.interval.low > found.interval.high:
        percents = f"{100 * reached.accuracy:.0f} %"
        yield f"the pretrained network would reach about {percents}: train with --arch lite0"


def doubled(curve: LearningCurve) -> str:
    """Returns what twice the pictures would bring."""
    if curve.gain is None or curve.gain_interval is None:
        return "enough pictures: more of the same kind would bring next to nothing"
    if curve.gain < _LITTLE:
        return f"twice as many pictures would bring little ({points(curve.gain_interval)} points)"
    gain = 100 * curve.gain
    return f"twice as many pictures would bring about {gain:+.0f} points ({points(curve.gain_interval)})"
