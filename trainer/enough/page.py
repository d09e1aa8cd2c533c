"""`report.html`: what was found about a training's pictures, to look at."""

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

import numpy as np

from ...data.load import Dataset
from ...data.page.charts import SMALL_PX, TEXT_PX, Chart, is_narrow, place_axes
from ...data.page.document import document, doubts, image_figure, plot, section
from ...data.plotting import BLUE, INK, QUIET, RULE, Figure, MaxNLocator
from ...edge_runtime.text import counted, printable
from .advice import accuracy_line, advice, doubled, percent, recognised
from .curve import LearningCurve
from .examine import FEW_TESTED, Examination, Mistake, Sample, divided
from .suspects import Alike, Suspect

PAGE = "report.html"
_MOST_SUSPECTS, _MOST_GROUPS, _MOST_UNUSUAL, _MOST_OF_CLASS = 60, 20, 20, 6
_MOST_CLASSES = 50
"""With mistakes shown."""


def report_page(found: Examination, pictures: Sample | None, dataset: Dataset, arch: str) -> str:
    """Returns the page as HTML.

    Args:
        found: what it shows.
        pictures: that were examined; None where only the answers were.
        dataset: that the network was trained on.
        arch: the network.
    """
    title = f"{dataset.name}: is it enough?"
    return document(
        title,
        "edgecls train",
        f"{arch}, {len(dataset.train):,} training, {len(dataset.val):,} validation and "
        f"{len(dataset.test):,} test pictures",
        _sections(found, pictures, dataset, arch),
        footer="Paths are those in the data set. report.json beside this page has all figures.",
    )


def _sections(found: Examination, pictures: Sample | None, dataset: Dataset, arch: str) -> Iterator[str]:
    yield doubts([*_few(found)])
    lines = advice(found, pictures, dataset.labels, arch)
    if lines:
        yield section("next", "What to do next", "", f"<ul>{_items(lines)}</ul>")
    yield section(
        "accuracy",
        "Accuracy",
        "The interval holds the accuracy on all pictures of this kind, 95 times in 100.",
        f"<p>{escape(accuracy_line(found))}</p>",
    )
    if found.curve is not None:
        yield section("curve", "With fewer pictures, and with more", _about_curve(found), _curve(found.curve))
    yield _classes(found, dataset)
    if pictures is not None and found.curve is not None:
        yield from _examined(found, pictures, dataset)


def _items(lines: Sequence[str]) -> str:
    return "".join(f"<li>{escape(line)}</li>" for line in lines)


def _few(found: Examination) -> Iterator[str]:
    if found.tested < FEW_TESTED:
        tested = counted(found.tested, "test picture")
        yield f"only {tested}: the accuracy is hardly known; take {FEW_TESTED} or more"
    if found.loosened:
        names = ", ".join(found.loosened[:5])
        yield (
            f"of {names} there are too few recordings or bursts to keep them whole here: the learning curve "
            "looks better than it is; take pictures on another day"
        )


# The learning curve.


def _about_curve(found: Examination) -> str:
    asked = found.curve.asked if found.curve else 0
    return (
        "By a quick classifier on the features of a pretrained network, not by the network that was trained: "
        f"what counts is how it rises. Mean of several draws, asked about {asked:,} pictures that it did not "
        "learn from; recordings and bursts are kept whole. Bars and the shaded end are uncertainty."
    )


def _curve(curve: LearningCurve) -> str:
    rows = "".join(
        f"<dt>{point.pictures:,} pictures</dt>"
        f"<dd>{100 * point.accuracy:.1f} % ({percent(point.interval)})</dd>"
        for point in curve.points
    )
    chart = Chart(
        "learning curve", f"Accuracy by pictures; {doubled(curve)}", lambda figure: _draw(figure, curve), 280
    )
    return f"{plot(chart)}<dl>{rows}<dt>{curve.doubled:,} pictures</dt><dd>{escape(doubled(curve))}</dd></dl>"


def _draw(figure: Figure, curve: LearningCurve) -> None:
    axes: Any = place_axes(figure, left=44, right=20, top=14, bottom=44)
    counts = [point.pictures for point in curve.points]
    values = [100 * point.accuracy for point in curve.points]
    reach = [
        [100 * (point.accuracy - point.interval.low) for point in curve.points],
        [100 * (point.interval.high - point.accuracy) for point in curve.points],
    ]
    axes.errorbar(counts, values, reach, color=BLUE, marker="o", markersize=5, linewidth=1.6, capsize=3)
    for count, value in zip(counts, values, strict=True):
        axes.annotate(
            f"{value:.1f}", (count, value), (5, -12), textcoords="offset points", fontsize=SMALL_PX, color=INK
        )
    if curve.gain is not None and curve.gain_interval is not None:
        ends = [counts[-1], curve.doubled]
        low, high = (
            min(100.0, values[-1] + 100 * end) for end in (curve.gain_interval.low, curve.gain_interval.high)
        )
        axes.fill_between(ends, [values[-1], low], [values[-1], high], color=BLUE, alpha=0.15, linewidth=0)
        axes.plot(ends, [values[-1], values[-1] + 100 * curve.gain], color=BLUE, linestyle="--", marker="o",
                  markersize=5, markerfacecolor="none")  # fmt: skip
    axes.xaxis.set_major_locator(MaxNLocator(4 if is_narrow(figure) else 8, integer=True))
    axes.margins(x=0.06, y=0.15)
    axes.set_ylim(top=min(100.5, axes.get_ylim()[1]))
    axes.grid(color=RULE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_xlabel("training pictures", color=QUIET, fontsize=TEXT_PX)
    axes.set_ylabel("accuracy, %", color=QUIET, fontsize=TEXT_PX)


# Classes, with the surest mistakes of each.


def _classes(found: Examination, dataset: Dataset) -> str:
    wrong: dict[str, list[Mistake]] = {}
    for mistake in found.mistakes:
        wrong.setdefault(dataset.labels[dataset.test.truth[mistake.place]], []).append(mistake)
    parts: list[str] = []
    for one in found.recalls[:_MOST_CLASSES]:
        interval = f" ({percent(one.interval)})" if one.interval else ""
        recall = f"{100 * one.recall:.0f} %{interval}, " if one.tested else ""
        shown = "".join(_mistake(each, dataset) for each in wrong.get(one.label, ())[:_MOST_OF_CLASS])
        parts.append(
            f"<section><h3>{escape(one.label)}</h3><p>{recall}{recognised(one)}; {one.trained:,} training "
            f"pictures</p>{f'<div class=pictures>{shown}</div>' if shown else ''}</section>"
        )
    more = len(found.recalls) - _MOST_CLASSES
    rest = f"<p>And {more:,} more classes in report.json.</p>" if more > 0 else ""
    return section(
        "classes", "Each class",
        "The share of its test pictures that the network recognises, with its 95 % interval, the lowest "
        f"first; below it, its surest wrong answers, at most {_MOST_OF_CLASS}.",
        "".join(parts) + rest,
    )  # fmt: skip


def _mistake(mistake: Mistake, dataset: Dataset) -> str:
    files = dataset.files.get("test")
    path = files[mistake.place] if files else f"test image {mistake.place}"
    answer = dataset.labels[mistake.answer]
    return _picture(
        np.asarray(dataset.test.images[mistake.place]),
        f"{path}{f', and {mistake.alike:,} like it' if mistake.alike else ''}",
        f"→ {answer} ({100 * mistake.probability:.0f} %)",
    )


def _picture(image: np.ndarray, path: str, what: str) -> str:
    path = printable(path)
    return image_figure(image, f"<b>{escape(what)}</b><span>{escape(path)}</span>", f"{path} {what}")


# Pictures to look at.


def _examined(found: Examination, pictures: Sample, dataset: Dataset) -> Iterator[str]:
    files, labels = pictures.files, dataset.labels
    of = len(files)
    some = (
        f"A sample of {of:,} of {pictures.available:,} pictures was examined. "
        if of < pictures.available
        else ""
    )
    wrong, of_background = divided(found.suspects, labels)
    yield section(
        "labels", "Labels that are probably wrong",
        f"{some}The label, and the one that all other pictures suggest; the most certain first. "
        "Near-duplicates of a picture are not asked about it, unless they have another label.",
        _suspects(wrong, pictures, labels) or "<p>None found.</p>",
    )  # fmt: skip
    if of_background:
        yield section(
            "background",
            f"Pictures of {escape(labels[of_background[0].label])} that look like another class",
            "Right where they show other things on purpose; move those that show one of the classes.",
            _suspects(of_background, pictures, labels),
        )  # fmt: skip
    across = _groups(found.between_classes, pictures, labels)
    sides = _groups(found.between_parts, pictures, labels)
    if across:
        yield section("copies", "Near-duplicates with different labels", "One of the labels is wrong, or the "
                      "objects are too small in the picture to matter.", across)  # fmt: skip
    if sides:
        yield section("sides", "Near-duplicates on both sides of the split", "They make the accuracy look "
                      "better than it is: remove them from one of the two.", sides)  # fmt: skip
    strange = "".join(
        _picture(pictures.images[place], files[place], labels[pictures.truth[place]])
        for place in found.unusual[:_MOST_UNUSUAL]
    )
    if strange:
        yield section("unusual", "Unlike all others", "The farthest from all others first: by mistake "
                      "in the data set, or the only ones of their kind; then add more of them.",
                      _shown(strange, len(found.unusual), _MOST_UNUSUAL))  # fmt: skip


def _suspects(found: Sequence[Suspect], pictures: Sample, labels: Sequence[str]) -> str:
    shown = "".join(
        _picture(
            pictures.images[one.place],
            pictures.files[one.place],
            f"{labels[one.label]} → {labels[one.suggested]}?",
        )
        for one in found[:_MOST_SUSPECTS]
    )
    return _shown(shown, len(found), _MOST_SUSPECTS)


def _shown(markup: str, count: int, most: int) -> str:
    if not markup:
        return ""
    rest = f"<p>And {count - most:,} more in report.json.</p>" if count > most else ""
    return f'<div class="pictures">{markup}</div>{rest}'


def _groups(groups: Sequence[Alike], pictures: Sample, labels: Sequence[str]) -> str:
    names = ("train", "val", "test")
    shown = "".join(
        '<div class="pictures">'
        + "".join(
            _picture(
                pictures.images[place],
                pictures.files[place],
                f"{labels[pictures.truth[place]]} ({names[pictures.parts[place]]})",
            )
            for place in group.places[:4]
        )
        + "</div>"
        for group in groups[:_MOST_GROUPS]
    )
    more = len(groups) - _MOST_GROUPS
    return shown + (f"<p>And {more:,} more groups in report.json.</p>" if more > 0 else "")
