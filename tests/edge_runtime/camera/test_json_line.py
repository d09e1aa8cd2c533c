import json
import os
from dataclasses import replace
from datetime import UTC, datetime

from edgecls.edge_runtime.camera.answer import Answer, Timing
from edgecls.edge_runtime.camera.decision import Decision
from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.camera.json_line import json_line
from edgecls.edge_runtime.camera.rates import Ages
from edgecls.edge_runtime.prediction import Prediction

from ...fakes import answer, picture

TIMING = Timing(prepare_ms=0.4, engine_ms=1.5, age_ms=12.3456, fps=30.0)


def line(label: str | None = "cat", name: str = "") -> str:
    prediction = Prediction((("cat", 0.93123456), ("größe", 0.04)), label)
    return json_line(answer(Frame(picture(), 7, 0.0, name), prediction, TIMING))


def test_a_line_has_the_answer_and_its_timing():
    values = json.loads(line())
    at = datetime.fromisoformat(values.pop("at"))
    assert abs((datetime.now(UTC) - at).total_seconds()) < 60
    assert values == {
        "sequence": 7,
        "label": "cat",
        "confidence": 0.931235,
        "ranking": [{"label": "cat", "confidence": 0.931235}, {"label": "größe", "confidence": 0.04}],
        "announced": "cat",
        "age_ms": 12.346,
        "latency_ms": 1.9,
    }


def test_unknown_is_null_and_its_confidence_is_of_the_best_label():
    values = json.loads(line(label=None))
    assert values["label"] is None
    assert values["confidence"] == 0.931235


def test_what_is_announced_may_be_another_label_than_that_of_the_frame():
    for announced in ("dog", None):
        decision = Decision(Prediction((("dog", 0.5),), announced), 0.0, changed=False)
        given = Answer(Frame(picture(), 7, 0.0), Prediction((("cat", 0.9),), "cat"), decision, TIMING)
        values = json.loads(json_line(given))
        assert (values["label"], values["announced"]) == ("cat", announced)


def test_from_the_second_frame_on_a_line_has_the_percentiles_of_the_age():
    timing = replace(TIMING, recent_ages=Ages(11.0, 15.5, 33.33333))
    prediction = Prediction((("cat", 0.9),), "cat")
    values = json.loads(json_line(answer(Frame(picture(), 7, 0.0), prediction, timing)))
    assert (values["age_p50_ms"], values["age_p95_ms"], values["age_p99_ms"]) == (11.0, 15.5, 33.333)


def test_a_label_that_the_source_knows_is_there():
    prediction = Prediction((("cat", 0.9),), "cat")
    values = json.loads(json_line(answer(Frame(picture(), 7, 0.0, truth="dog"), prediction)))
    assert values["truth"] == "dog"


def test_a_still_has_its_name():
    assert json.loads(line(name="a\n\x1b.jpg"))["name"] == "a\n\x1b.jpg"


def test_it_is_one_compact_line_and_readable_in_every_script():
    text = line(name="a\nb.jpg")
    assert "\n" not in text
    assert ", " not in text
    assert "größe" in text


def test_a_name_that_is_not_utf8_survives_as_valid_json():
    name = os.fsdecode(b"\xff.jpg")
    assert json.loads(line(name=name).encode(errors="backslashreplace"))["name"] == name
