"""An answer as JSON, for programs that read along."""

import json
from datetime import UTC, datetime

from .answer import Answer


def json_line(answer: Answer) -> str:
    """The answer to one frame as one compact line; `label` is null for "unknown".

    Label, confidence and ranking are of this frame alone; `announced` is what is announced with the frames
    before it in mind, null too for "unknown". The percentiles of the age are over the last minute, from the
    second frame on. `truth` is there for frames whose label the source knows.

    `name` is there for frames from files. `at` is the wall clock in UTC, for people and logs: age and latency
    are measured with clocks that nobody sets.
    """
    frame, prediction, timing = answer.frame, answer.prediction, answer.timing
    ages = timing.recent_ages
    values = {
        "sequence": frame.sequence,
        **({"name": frame.name} if frame.name else {}),
        **({"truth": frame.truth} if frame.truth else {}),
        "label": prediction.label,
        "confidence": round(prediction.confidence, 6),
        "ranking": [
            {"label": label, "confidence": round(confidence, 6)} for label, confidence in prediction.ranking
        ],
        "announced": answer.decision.shown.label,
        "age_ms": round(timing.age_ms, 3),
        **({f"age_{name}": round(value, 3) for name, value in vars(ages).items()} if ages else {}),
        "latency_ms": round(timing.latency_ms, 3),
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))
