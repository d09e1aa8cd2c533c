import json

from edgecls.benchmarks.corruptions.report import FIGURES


def test_json_is_one_line_with_every_level(report):
    text = report.to_json()
    assert text.count("\n") == 1
    document = json.loads(text)
    assert document["kind"] == "corruptions"
    fine, broken = document["files"]
    assert fine["jpeg_drop_points"] == 30
    assert [level["value"] for level in fine["corruptions"][1]["levels"]] == [0.8, 1.2, 1.4, 1.6, 2.0]
    assert [level["accuracy"] for level in fine["corruptions"][0]["levels"]] == [0.8, 0.8, 0.7, 0.5, 0.4]
    assert broken["error"] == "b.onnx: the file is empty"
    assert broken["corruptions"] == []


def test_every_figure_is_a_number_or_was_not_measured(report):
    fine, broken = (file.figures for file in report.files)
    assert list(fine) == list(broken) == list(FIGURES)
    assert all(isinstance(value, float) for value in fine.values())
    assert set(broken.values()) == {None}
