"""The event that another label is announced."""

from .answer import Answer
from .event import Event


def announcement(answer: Answer) -> Event:
    """`cat 93.1% (was dog)`, of an answer whose decision changed.

    Its facts: `label` and `before`, null for "unknown"; `confidence` of the best label; `frame`, its sequence
    number; of a video `position_s`.
    """
    decision, frame = answer.decision, answer.frame
    shown = decision.shown
    said = f"{shown.label} {shown.confidence:.1%}" if shown.label else "unknown"
    facts = {
        "label": shown.label,
        "before": decision.before,
        "confidence": round(shown.confidence, 6),
        "frame": frame.sequence,
        **({} if frame.position_s is None else {"position_s": round(frame.position_s, 3)}),
    }
    return Event("label_changed", f"{said} (was {decision.before or 'unknown'})", facts=facts)
