"""An answer as JSON, for programs that read along."""

import json
from datetime import UTC, datetime

from .answer import Answer


def json_line(answer: Answer) -> str:
    """The answer to one frame as one compact line; `label` is null for "unknown".

    `name` is there for frames from files. `at` is the wall clock in UTC, for people and logs: age and latency
    are measured with clocks that nobody sets.
    """
    frame, prediction, timing = answer.frame, answer.prediction, answer.timing
    values = {
        "sequence": frame.sequence,
        **({"name": frame.name} if frame.name else {}),
        "label": prediction.label,
        "confidence": round(prediction.confidence, 6),
        "ranking": [
            {"label": label, "confidence": round(confidence, 6)} for label, confidence in prediction.ranking
        ],
        "age_ms": round(timing.age_ms, 3),
        "latency_ms": round(timing.latency_ms, 3),
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))
