"""Overlay: draws the label, a bar for each of the best classes, frame rate and latency over a picture."""

from dataclasses import dataclass

import numpy as np

from ...images.opencv import cv2
from ...prediction import Prediction
from ..answer import Timing

Colour = tuple[int, int, int]
"""Blue, green, red: 0 to 255."""

KNOWN_COLOUR: Colour = (120, 220, 90)
"""Green: an announced label and its bar."""
UNKNOWN_COLOUR: Colour = (60, 180, 250)
"""Amber: "unknown" and the bar of the best class."""
FIRST_TEXT_COLOUR: Colour = (255, 255, 255)
"""White: name and percentage of the best class."""
TEXT_COLOUR: Colour = (190, 190, 190)
"""Grey: the other classes, their bars, frame rate and latency."""
TRACK_COLOUR: Colour = (80, 80, 80)
"""Dark grey: the part of a bar that is not filled."""
BAND_BRIGHTNESS = 0.35
"""Of the picture, behind the text."""

MIN_SIZE_PX = (320, 240)
"""(width, height): a smaller picture is enlarged, and the text stands below it."""

_FONT = cv2.FONT_HERSHEY_SIMPLEX  # OpenCV 5 draws any script with it; OpenCV 4 a `?` for what is not ASCII
_FONT_PX = 30  # from line to line at scale 1


@dataclass(frozen=True)
class _Layout:
    """The sizes that all others follow from."""

    width_px: int
    height_px: int
    line_px: int
    bars: int

    @property
    def margin_px(self) -> int:
        return self.line_px // 2

    @property
    def band_px(self) -> int:
        return round(self.line_px * (self.bars + 2.5) / 2) * 2  # even, as the sides must be


def annotate(pixels: np.ndarray, prediction: Prediction, timing: Timing) -> np.ndarray:
    """Returns a copy of the picture with the answer in a dark band along the lower edge.

    Args:
        pixels: uint8 (H, W, 3) BGR of any size.
        prediction: its ranking gives the bars, as many as fit into the lower half.
        timing: gives frame rate and latency, at the right.

    Returns:
        uint8 (H', W', 3) BGR, at least `MIN_SIZE_PX`, both sides even as video encoders want them.
    """
    is_small = pixels.shape[1] < MIN_SIZE_PX[0] or pixels.shape[0] < MIN_SIZE_PX[1]
    layout = _lay_out(pixels, len(prediction.ranking))
    canvas = _framed(pixels, layout, layout.band_px if is_small else 0)
    band = canvas[canvas.shape[0] - layout.band_px :]
    cv2.convertScaleAbs(band, band, BAND_BRIGHTNESS)

    colour = UNKNOWN_COLOUR if prediction.label is None else KNOWN_COLOUR
    baseline_px = round(layout.line_px * 1.4)
    timing_px = _draw_timing(band, layout, timing, baseline_px)
    room_px = timing_px - 2 * layout.margin_px
    _write(
        band, prediction.text, (layout.margin_px, baseline_px), layout.line_px * 1.25, colour, room_px=room_px
    )
    _draw_bars(band, layout, prediction.ranking[: layout.bars], colour)
    return canvas


def _lay_out(pixels: np.ndarray, classes: int) -> _Layout:
    height_px, width_px = pixels.shape[:2]
    width_px = max(width_px + width_px % 2, MIN_SIZE_PX[0])
    height_px = max(height_px + height_px % 2, MIN_SIZE_PX[1])
    line_px = round(min(max(min(height_px, width_px * 0.75) / 17, 14), 44))
    bars = min(classes, max(1, round(height_px / 2 / line_px) - 2))
    return _Layout(width_px, height_px, line_px, bars)


def _framed(pixels: np.ndarray, layout: _Layout, below_px: int) -> np.ndarray:
    """Returns a copy to draw on: a smaller picture is enlarged and centred on black."""
    scale = min(layout.width_px / pixels.shape[1], layout.height_px / pixels.shape[0])
    if scale > 1.1:  # more than an odd side
        pixels = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    missing_x_px, missing_y_px = layout.width_px - pixels.shape[1], layout.height_px - pixels.shape[0]
    left_px, above_px = missing_x_px // 2, missing_y_px // 2
    right_px, lower_px = missing_x_px - left_px, missing_y_px - above_px + below_px
    return cv2.copyMakeBorder(pixels, above_px, lower_px, left_px, right_px, cv2.BORDER_CONSTANT)


def _draw_timing(band: np.ndarray, layout: _Layout, timing: Timing, baseline_px: int) -> int:
    """Writes frame rate and latency flush right; returns the x at which they begin."""
    text = f"{timing.latency_ms:.1f} ms"
    if timing.fps is not None:
        text = f"{timing.fps:.0f} fps  {text}"
    size_px = layout.line_px * 0.7
    left_px = layout.width_px - layout.margin_px - _width(text, size_px)
    _write(band, text, (left_px, baseline_px), size_px, TEXT_COLOUR)
    return left_px


def _draw_bars(
    band: np.ndarray, layout: _Layout, ranking: tuple[tuple[str, float], ...], colour: Colour
) -> None:
    size_px, margin_px = layout.line_px * 0.8, layout.margin_px
    room_px = min(max(_width(label, size_px) for label, _ in ranking), round(layout.width_px * 0.4))
    left_px = room_px + 2 * margin_px
    right_px = layout.width_px - margin_px - _width("100.0%", size_px) - margin_px
    half_px = max(2, round(layout.line_px * 0.22))
    for row, (label, confidence) in enumerate(ranking):
        text_colour, bar_colour = (TEXT_COLOUR, TEXT_COLOUR) if row else (FIRST_TEXT_COLOUR, colour)
        baseline_px = round(layout.line_px * (2.6 + row))
        middle_px = baseline_px - round(size_px * 0.33)
        top_px, bottom_px = middle_px - half_px, middle_px + half_px
        end_px = left_px + round((right_px - left_px) * confidence)
        band[top_px:bottom_px, left_px:right_px] = TRACK_COLOUR
        band[top_px:bottom_px, left_px:end_px] = bar_colour
        _write(band, label, (margin_px, baseline_px), size_px, text_colour, room_px=room_px)
        percent = f"{confidence:.1%}"
        percent_px = layout.width_px - margin_px - _width(percent, size_px)
        _write(band, percent, (percent_px, baseline_px), size_px, text_colour)


def _write(
    band: np.ndarray,
    text: str,
    at_px: tuple[int, int],
    size_px: float,
    colour: Colour,
    *,
    room_px: int | None = None,
) -> None:
    """Writes text from the start of its baseline, cut with `...` if it is wider than `room_px`."""
    if room_px is not None and _width(text, size_px) > room_px:
        while text and _width(text + "...", size_px) > room_px:
            text = text[:-1]
        text += "..."
    cv2.putText(band, text, at_px, _FONT, size_px / _FONT_PX, colour, 1, cv2.LINE_AA)


def _width(text: str, size_px: float) -> int:
    return cv2.getTextSize(text, _FONT, size_px / _FONT_PX, 1)[0][0]
