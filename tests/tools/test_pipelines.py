import time
from itertools import islice

import numpy as np
import pytest

from edgecls.benchmarks.frames import VGA, camera_frames, write_frames
from edgecls.benchmarks.pipeline import CameraPipeline, time_window
from edgecls.edge_runtime.classifier import Classifier
from edgecls.edge_runtime.errors import BadModel
from edgecls.edge_runtime.images.decode import decode
from edgecls.edge_runtime.images.prepare import prepare, prepare_jpeg
from edgecls.edge_runtime.models.model_file import read_model
from tests.fakes import fake_classifier
from tools.naive import (
    Floor,
    FullDecodePipeline,
    Naive,
    ReadyCall,
    ReadyClassify,
    open_bare,
    reduction_of,
)
from tools.pipelines import PipelineTimes, TimingSettings, agreement, labels_of, time_pipelines


@pytest.fixture(scope="module")
def frames(tiny) -> list[bytes]:
    pictures = list(tiny.dataset.test.images[:12][..., ::-1])
    return list(camera_frames(pictures, VGA, 12))


def test_the_naive_way_and_ours_agree_about_real_frames(tiny, frames):
    ours = CameraPipeline(Classifier(tiny.files[2]))
    naive = Naive(tiny.files[1])
    labels = [[answer.label for answer in pipeline.answers(frames)] for pipeline in (naive, ours)]
    assert agreement(*labels).same >= 11


def test_ours_makes_the_input_that_the_camera_makes(frames):
    classifier = fake_classifier([0.1, 0.2, 0.7])
    answers = list(CameraPipeline(classifier).answers(frames[:3]))
    assert [answer.label for answer in answers] == [2, 2, 2]
    for image, frame in zip(classifier.engine.images, frames, strict=False):
        assert (image == prepare_jpeg(frame, classifier.card.image)).all()


def test_the_same_engine_after_a_full_decode_shows_what_the_reduced_one_changes(frames):
    classifier = fake_classifier([0.1, 0.2, 0.7])
    assert [answer.label for answer in FullDecodePipeline(classifier).answers(frames[:2])] == [2, 2]
    for image, frame in zip(classifier.engine.images, frames, strict=False):
        assert (image == prepare(decode(frame, ""), classifier.card.image)).all()


def test_each_stage_is_timed(tiny, frames):
    for pipeline in (Naive(tiny.files[1]), CameraPipeline(Classifier(tiny.files[2]))):
        for answer in pipeline.answers(frames[:2]):
            assert len(answer.stages_ns) == len(pipeline.stages)
            assert all(stage_ns > 0 for stage_ns in answer.stages_ns)


@pytest.mark.timing
def test_planted_slowness_shows_in_its_stage_and_in_the_ratio(frames):
    slow, quick = fake_classifier([0.1, 0.2, 0.7]), fake_classifier([0.1, 0.2, 0.7])
    answer_at_once = slow.engine.probabilities

    def answer_late(image: np.ndarray) -> np.ndarray:
        time.sleep(0.02)
        return answer_at_once(image)

    slow.engine.probabilities = answer_late
    reports = []
    for classifier in (slow, quick):
        pipeline = CameraPipeline(classifier)
        window = time_window(pipeline.answers(frames), 0)
        reports.append(PipelineTimes("edgecls", pipeline.engine, pipeline.stages, (window,)))
    late, at_once = reports
    assert late.stage_ms("engine") >= 20
    assert at_once.stage_ms("engine") < 10
    assert late.ratio(at_once) > 2


def test_a_window_lasts_as_long_as_was_asked_and_its_first_frame_does_not_count(frames):
    classifier = fake_classifier([0.1, 0.2, 0.7])
    going = CameraPipeline(classifier).answers(frames * 10_000)
    samples = time_window(going, 0.05)
    assert sum(map(sum, samples)) <= 0.05e9 + max(map(sum, samples))
    assert len(classifier.engine.images) == len(samples) + 1
    assert len(time_window(going, 0)) == 1


@pytest.mark.parametrize(
    ("frame_px", "input_px", "reduction"),
    [
        ((480, 640), (32, 32), 8),
        ((480, 640), (96, 96), 4),
        ((480, 640), (224, 224), 2),
        ((100, 90), (90, 90), 1),
    ],
)
def test_the_floor_decodes_no_more_than_the_network_needs(frame_px, input_px, reduction):
    assert reduction_of(frame_px, input_px) == reduction


@pytest.mark.parametrize("number", [1, 2])
def test_the_bare_engine_gives_what_ours_gives(tiny, number):
    model = read_model(tiny.files[number])
    bare, image = open_bare(model, threads=1), tiny.dataset.test.images[0]
    expected = Classifier(model).engine.probabilities(image)
    assert bare.call(bare.tensor(image)).reshape(-1) == pytest.approx(expected, abs=1e-6)
    floor = Floor(bare, "litert", [image], reduction=8)
    assert floor.stages == ("decode", "engine")


def test_ready_inputs_are_called_and_classified(tiny):
    model = read_model(tiny.files[2])
    contents = [image[..., ::-1].tobytes() for image in tiny.dataset.test.images[:3]]
    classify = list(ReadyClassify(Classifier(model)).answers(contents))
    call = list(ReadyCall(open_bare(model, 1), Classifier(model)).answers(contents))
    assert [len(answer.stages_ns) for answer in (*classify, *call)] == [2, 2, 2, 1, 1, 1]


def test_a_network_that_takes_no_picture_is_refused_by_name(tmp_path):
    from onnx import TensorProto, helper

    entry = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4])
    graph = helper.make_graph([helper.make_node("Softmax", ["x"], ["y"])], "row", [entry], [out])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    (tmp_path / "row.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(BadModel, match=r"row\.onnx: takes tensor\(float\)"):
        Naive(tmp_path / "row.onnx")


def test_ways_are_timed_in_processes_of_their_own_that_take_turns(tiny, frames, tmp_path):
    write_frames(tmp_path / "a.frames", frames)
    models = {"naive": tiny.files[1], "edgecls": tiny.files[2], "floor": tiny.files[2]}
    steps: list[str] = []
    settings = TimingSettings(threads=1, seconds=0.06, windows=2)
    reports = time_pipelines(models, tmp_path / "a.frames", settings, steps.append)
    assert list(reports) == ["naive", "edgecls", "floor"]
    assert all(len(report.windows) == 2 for report in reports.values())
    assert reports["naive"].engine.startswith("onnxruntime ")
    assert steps[-1].endswith("round 2 of 2")


@pytest.mark.timing
def test_ours_is_faster_than_the_naive_way(tiny, frames, tmp_path):
    write_frames(tmp_path / "a.frames", frames)
    models = {"naive": tiny.files[1], "edgecls": tiny.files[2]}
    settings = TimingSettings(threads=1, seconds=0.06, windows=2)
    reports = time_pipelines(models, tmp_path / "a.frames", settings, lambda _: None)
    assert reports["edgecls"].total_ms < reports["naive"].total_ms


def test_labels_are_compared_over_every_frame(tiny, frames, tmp_path):
    write_frames(tmp_path / "a.frames", frames)
    labels = labels_of({"edgecls": tiny.files[2]}, tmp_path / "a.frames", threads=1)
    classifier = Classifier(tiny.files[2])
    expected = [
        int(classifier.engine.probabilities(prepare_jpeg(frame, classifier.card.image)).argmax())
        for frame in frames
    ]
    assert labels == {"edgecls": expected}


def test_an_error_of_the_process_is_the_error_of_the_caller(frames, tmp_path):
    write_frames(tmp_path / "a.frames", islice(frames, 1))
    (tmp_path / "page.onnx").write_text("<html>")
    with pytest.raises(BadModel, match="it starts with '<html>'"):
        labels_of({"edgecls": tmp_path / "page.onnx"}, tmp_path / "a.frames", threads=1)
