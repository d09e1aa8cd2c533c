"""Draws an answer over its picture: the label, a bar for each of the best classes, rate and latency."""

from dataclasses import dataclass

import numpy as np

from ...classifier import Prediction
from ...images.opencv import cv2
from ..answer import Timing

SMALLEST_PX = (320, 240)
"""(width, height) of the smallest picture with text on it; a smaller one is enlarged, with the text below."""

_FONT = cv2.FONT_HERSHEY_SIMPLEX  # OpenCV 5 draws any script with it; OpenCV 4 a `?` for what is not ASCII
_FONT_PX = 30  # from line to line at scale 1
_DIMMED = 0.35  # of the picture's brightness stays behind the text

Colour = tuple[int, int, int]
"""Blue, green, red."""
_WHITE, _GREY, _TRACK = (255, 255, 255), (190, 190, 190), (80, 80, 80)
_KNOWN, _UNKNOWN = (120, 220, 90), (60, 180, 250)  # green; amber


@dataclass(frozen=True)
class _Layout:
    """Sizes that everything else follows from."""

    wide_px: int
    high_px: int
    line_px: int
    bars: int

    @property
    def margin_px(self) -> int:
        return self.line_px // 2

    @property
    def band_px(self) -> int:
        return round(self.line_px * (self.bars + 2.5) / 2) * 2  # even, as the sides must be


def annotate(pixels: np.ndarray, prediction: Prediction, timing: Timing) -> np.ndarray:
    """Returns a copy of the picture with its answer in a dark band along the lower edge.

    Args:
        pixels: uint8 (H, W, 3) BGR of any size.
        prediction: its ranking gives the bars, as many as fit into the lower half.
        timing: rate and latency, shown at the right.

    Returns:
        uint8 (H', W', 3) BGR, at least `SMALLEST_PX`, both sides even as video encoders want them.
    """
    is_small = pixels.shape[1] < SMALLEST_PX[0] or pixels.shape[0] < SMALLEST_PX[1]
    layout = _lay_out(pixels, len(prediction.ranking))
    canvas = _framed(pixels, layout, layout.band_px if is_small else 0)
    band = canvas[canvas.shape[0] - layout.band_px :]
    cv2.convertScaleAbs(band, band, _DIMMED)

    colour = _UNKNOWN if prediction.label is None else _KNOWN
    base_px = round(layout.line_px * 1.4)
    rate_px = _draw_rate(band, layout, timing, base_px)
    room_px = rate_px - 2 * layout.margin_px
    _write(band, prediction.text, (layout.margin_px, base_px), layout.line_px * 1.25, colour, room_px=room_px)
    _draw_bars(band, layout, prediction.ranking[: layout.bars], colour)
    return canvas


def _lay_out(pixels: np.ndarray, classes: int) -> _Layout:
    wide_px, high_px = (
        max(size_px + size_px % 2, least_px)
        for size_px, least_px in zip((pixels.shape[1], pixels.shape[0]), SMALLEST_PX, strict=True)
    )
    line_px = round(min(max(min(high_px, wide_px * 0.75) / 17, 14), 44))
    return _Layout(wide_px, high_px, line_px, bars=min(classes, max(1, round(high_px / 2 / line_px) - 2)))


def _framed(pixels: np.ndarray, layout: _Layout, below_px: int) -> np.ndarray:
    """A copy to draw on: enlarged to the layout where it is smaller, centred, black around it."""
    scale = min(layout.wide_px / pixels.shape[1], layout.high_px / pixels.shape[0])
    if scale > 1.1:  # and not merely an odd side
        pixels = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    spare_x_px, spare_y_px = layout.wide_px - pixels.shape[1], layout.high_px - pixels.shape[0]
    left_px, above_px = spare_x_px // 2, spare_y_px // 2
    return cv2.copyMakeBorder(
        pixels, above_px, spare_y_px - above_px + below_px, left_px, spare_x_px - left_px, cv2.BORDER_CONSTANT
    )


def _draw_rate(band: np.ndarray, layout: _Layout, timing: Timing, base_px: int) -> int:
    """Writes rate and latency flush right; returns where they begin."""
    text = f"{timing.latency_ms:.1f} ms"
    if timing.fps is not None:
        text = f"{timing.fps:.0f} fps  {text}"
    size_px = layout.line_px * 0.7
    left_px = layout.wide_px - layout.margin_px - _width(text, size_px)
    _write(band, text, (left_px, base_px), size_px, _GREY)
    return left_px


def _draw_bars(
    band: np.ndarray, layout: _Layout, ranking: tuple[tuple[str, float], ...], colour: Colour
) -> None:
    size_px, margin_px = layout.line_px * 0.8, layout.margin_px
    room_px = min(max(_width(label, size_px) for label, _ in ranking), round(layout.wide_px * 0.4))
    left_px, right_px = (
        room_px + 2 * margin_px,
        layout.wide_px - margin_px - _width("100.0%", size_px) - margin_px,
    )
    half_px = max(2, round(layout.line_px * 0.22))
    for row, (label, confidence) in enumerate(ranking):
        text_colour, bar_colour = (_GREY, _GREY) if row else (_WHITE, colour)
        base_px = round(layout.line_px * (2.6 + row))
        middle_px = base_px - round(size_px * 0.33)
        top_px, bottom_px = middle_px - half_px, middle_px + half_px
        end_px = left_px + round((right_px - left_px) * confidence)
        band[top_px:bottom_px, left_px:right_px] = _TRACK
        band[top_px:bottom_px, left_px:end_px] = bar_colour
        _write(band, label, (margin_px, base_px), size_px, text_colour, room_px=room_px)
        percent = f"{confidence:.1%}"
        percent_px = layout.wide_px - margin_px - _width(percent, size_px)
        _write(band, percent, (percent_px, base_px), size_px, text_colour)


def _write(
    band: np.ndarray,
    text: str,
    at_px: tuple[int, int],
    size_px: float,
    colour: Colour,
    *,
    room_px: int | None = None,
) -> None:
    """Writes text from the start of its base line, cut with `...` where it needs more than `room_px`."""
    if room_px is not None and _width(text, size_px) > room_px:
        while text and _width(text + "...", size_px) > room_px:
            text = text[:-1]
        text += "..."
    cv2.putText(band, text, at_px, _FONT, size_px / _FONT_PX, colour, 1, cv2.LINE_AA)


def _width(text: str, size_px: float) -> int:
    return cv2.getTextSize(text, _FONT, size_px / _FONT_PX, 1)[0][0]
