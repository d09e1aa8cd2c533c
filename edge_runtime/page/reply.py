"""What the page's script gets: what is known now as one line of JSON, then the picture."""

import json
import time
from dataclasses import astuple
from typing import Any

from ..camera.answer import Answer
from .history import Happening, Point
from .live import Recent, Shot


def live_reply(run: str, shot: Shot | None, recent: Recent) -> bytes:
    """One line of JSON, and behind its newline the JPEG; nothing there where no new picture came.

    Picture and answer are of the same frame. Times are ages in seconds: a phone's clock is its own.
    """
    now_s = time.monotonic()
    state: dict[str, Any] = {
        "run": run,
        "silent_s": _rounded(recent.silent_s),
        "points": [_point(point, now_s) for point in recent.points],
        "events": [_happening(happening, now_s) for happening in recent.events],
        "shot": None if shot is None else {"number": shot.number, **_answer(shot.answer, now_s)},
    }
    line = json.dumps(state, ensure_ascii=False, separators=(",", ":"))
    return line.encode(errors="replace") + b"\n" + (b"" if shot is None else shot.jpeg)


def _answer(answer: Answer, now_s: float) -> dict[str, Any]:
    frame, decision, timing = answer.frame, answer.decision, answer.timing
    ages = timing.recent_ages
    return {
        "label": decision.shown.label,
        "ranking": [(label, round(confidence, 4)) for label, confidence in decision.shown.ranking],
        "held_s": round(frame.time_s - decision.since_s, 1),
        "fps": _rounded(timing.fps),
        "ages_ms": None if ages is None else [round(value, 1) for value in astuple(ages)],
        "latency_ms": round(timing.latency_ms, 2),
        "age_s": round(now_s - frame.captured_at_s, 3),
    }


def _point(point: Point, now_s: float) -> dict[str, Any]:
    return {
        "number": point.number,
        "ago_s": round(now_s - point.at_s, 1),
        "fps": round(point.fps, 1),
        "age_ms": [round(value, 1) for value in point.age_ms],
        "temperature_c": _rounded(point.temperature_c),
    }


def _happening(happening: Happening, now_s: float) -> dict[str, Any]:
    event = happening.event
    return {
        "number": happening.number,
        "ago_s": round(now_s - event.at_s, 1),
        "kind": event.kind,
        "text": event.text,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
