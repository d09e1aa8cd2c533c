"""The event of another announced label."""

import pytest

from edgecls.edge_runtime.camera.answer import Answer, announcement
from edgecls.edge_runtime.camera.decision import Decision
from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.prediction import Prediction
from tests.fakes import TIMING, picture


def answer(label: str | None, before: str | None, position_s: float | None = None) -> Answer:
    shown = Prediction((("cat", 0.93123456), ("dog", 0.04)), label)
    frame = Frame(picture(), 17, 0.0, position_s=position_s)
    return Answer(frame, shown, Decision(shown, 0.0, changed=True, before=before), TIMING)


@pytest.mark.parametrize(
    ("label", "before", "text"),
    [
        ("cat", "dog", "cat 93.1% (was dog)"),
        ("cat", None, "cat 93.1% (was unknown)"),
        (None, "cat", "unknown (was cat)"),
    ],
)
def test_it_says_what_is_announced_now_and_what_was_before(label: str | None, before: str | None, text: str):
    event = announcement(answer(label, before))
    assert (event.kind, event.text) == ("label_changed", text)
    assert event.facts == {"label": label, "before": before, "confidence": 0.931235, "frame": 17}


def test_of_a_video_it_says_where():
    assert announcement(answer("cat", None, position_s=2.50049)).facts["position_s"] == 2.5
