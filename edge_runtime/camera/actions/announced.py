"""Announced: what an action gets to know of a change of the announced label."""

import base64
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ...errors import EdgeclsError
from ...text import printable
from ..frame import Frame

JPEG_QUALITY = 85
EVENT_VERSION = 1
"""Of the JSON; it grows by keys alone."""


@dataclass
class Announced:
    """A change of the announced label, for one action."""

    number: int
    """Counts the events of its rule from 1 in this run; where one was dropped, there is a gap."""
    run: str
    """Of this run of the camera, at random; with the number it names the event."""
    label: str | None
    """What is announced now; None for "unknown"."""
    previous: str | None
    confidence: float
    """Of the best label, 0 to 1."""
    frame_number: int
    model: str
    camera: str
    """The source, without secrets."""
    position_s: float | None = None
    """Seconds into a video."""
    frame: Frame | None = field(default=None, repr=False)
    """The picture, for an action that sends it; taken away where newer ones wait."""
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    """Wall clock, for people."""

    def to_json(self, *, with_picture: bool = False) -> bytes:
        """The event as one JSON object with a newline; every character that is not ASCII is escaped.

        Args:
            with_picture: whether to add `picture_jpeg`, in base64; null where there is none any more.
        """
        values: dict[str, Any] = {
            "event": "label_changed",
            "version": EVENT_VERSION,
            "id": f"{self.run}-{self.number}",
            "number": self.number,
            "label": self.label,
            "previous": self.previous,
            "confidence": round(self.confidence, 6),
            "time": self.at.isoformat(timespec="milliseconds"),
            "model": self.model,
            "camera": self.camera,
            "frame": self.frame_number,
        }
        if self.position_s is not None:
            values["position_s"] = round(self.position_s, 3)
        if with_picture:
            jpeg = self.jpeg()
            values["picture_jpeg"] = base64.b64encode(jpeg).decode() if jpeg else None
        return json.dumps(values, separators=(",", ":")).encode() + b"\n"

    def environment(self) -> dict[str, str]:
        """The event as variables of the environment, in text that is safe to show."""
        values = {
            "EVENT": "label_changed",
            "LABEL": self.label or "",
            "PREVIOUS": self.previous or "",
            "CONFIDENCE": f"{self.confidence:.6f}",
            "TIME": self.at.isoformat(timespec="milliseconds"),
            "NUMBER": str(self.number),
            "MODEL": self.model,
            "CAMERA": self.camera,
        }
        return {f"EDGECLS_{name}": printable(value) for name, value in values.items()}

    def jpeg(self) -> bytes | None:
        """The picture as it came, or encoded; None where there is none, or it is damaged."""
        return jpeg_of(self.frame) if self.frame else None


def jpeg_of(frame: Frame, quality: int = JPEG_QUALITY) -> bytes | None:
    """A picture as it came, or encoded; None where it is damaged."""
    if frame.jpeg:
        return frame.jpeg
    from ...images.opencv import cv2  # noqa: PLC0415 - in the thread that needs it

    try:
        done, encoded = cv2.imencode(".jpg", frame.pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    except (EdgeclsError, cv2.error):
        return None
    return encoded.tobytes() if done else None
