from pathlib import Path

import numpy as np
import pytest

from edgecls.edge_runtime.errors import CheckFailed
from edgecls.edge_runtime.models.model_file import ModelFormat
from edgecls.export.calibration import RangeMethod, choose_calibration
from edgecls.export.keras_file import load_network
from edgecls.export.ladder import AccuracyMeter, int8_within, sensitivities
from edgecls.export.onnx_int8 import Int8Onnx, int8_onnx
from edgecls.export.tflite_int8 import Int8Tflite, int8_tflite
from tests.export.networks import hard_to_quantise, keras_answers

FORMATS = {ModelFormat.TFLITE: (Int8Tflite, int8_tflite), ModelFormat.ONNX: (Int8Onnx, int8_onnx)}


@pytest.fixture(scope="module")
def loaded(tiny):
    return load_network(tiny.h5)


@pytest.fixture(scope="module")
def calibration(tiny):
    return choose_calibration(tiny.dataset.train.images, tiny.dataset.train.truth, seed=0, count=64)


@pytest.fixture(params=FORMATS)
def climb(request, tiny, loaded, calibration):
    """Climbs the ladder with a network in a format; gives the result and the meter."""

    def climb(network, max_drop_points, said=lambda _: None):
        card, val = loaded[1].card, tiny.dataset.val
        right = keras_answers(network, card, val.images).argmax(1) == val.truth
        path = Path(f"pets_int8.{request.param}")
        meter = AccuracyMeter(path, request.param, card, val.images, val.truth, float(right.mean()))
        calibrated = FORMATS[request.param][0](network, card, calibration)
        return int8_within(calibrated, meter, calibration.images, max_drop_points, said), meter

    climb.format = request.param
    return climb


def test_a_network_that_quantises_well_stays_on_the_first_step(loaded, calibration, climb):
    network, model = loaded
    result, meter = climb(network, 2)
    assert result.network == FORMATS[climb.format][1](network, model.card, calibration)
    assert result.ranges == "min-max"
    (attempt,) = result.attempts
    assert attempt.drop_points == meter.drop_points(result.network) <= 2
    assert result.float_layers == ()


def test_a_network_that_quantises_badly_climbs_until_two_layers_stay_in_float(loaded, climb):
    said = []
    result, meter = climb(hard_to_quantise(loaded[0]), 1.5, said.append)
    assert [attempt.ranges for attempt in result.attempts[:3]] == ["min-max", "percentile", "entropy"]
    assert all(attempt.drop_points > 1.5 for attempt in result.attempts[:-1])
    assert result.attempts[0].drop_points > 30
    spoilt = {layer.name for layer in loaded[0].layers if "conv" in layer.name}
    assert {one.layer for one in result.float_layers} < spoilt
    assert result.attempts[-1].float_layers == tuple(one.layer for one in result.float_layers)
    assert meter.drop_points(result.network) == result.attempts[-1].drop_points <= 1.5
    assert said == result.lines()[: len(said)]
    assert "stays in float: int8 in this layer alone changes the probabilities by" in result.lines()[-1]
    gained = sum(one.gain_points for one in result.float_layers)
    assert gained == pytest.approx(
        min(s.drop_points for s in result.attempts[:3]) - result.attempts[-1].drop_points
    )


def test_a_limit_that_no_step_meets_fails_in_one_line(loaded, climb):
    message = r"pets_int8\.\w+: no int8 file within -5 points of Keras; best: int8, .* points; allow a larger"
    with pytest.raises(CheckFailed, match=message) as failed:
        climb(loaded[0], -5)
    assert failed.value.exit_code == 1
    assert "\n" not in str(failed.value)


def test_at_most_half_of_the_layers_stay_in_float(loaded, climb):
    said = []
    with pytest.raises(CheckFailed):
        climb(loaded[0], -5, said.append)
    assert len(said) == 3 + len([layer for layer in loaded[0].layers if layer.weights]) // 2


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("ranges", ["min-max", "percentile", "entropy"])
def test_with_all_layers_in_float_nothing_is_lost_but_the_roundings_of_the_input(
    tiny, loaded, calibration, format_, ranges: RangeMethod
):
    network, model = loaded
    images = tiny.dataset.val.images[:50]
    calibrated = FORMATS[format_][0](network, model.card, calibration)
    meter = AccuracyMeter(Path("x"), format_, model.card, images, tiny.dataset.val.truth[:50], 1)
    content = calibrated.quantise(ranges, float_layers=calibrated.layers)
    assert np.abs(meter.predict(content, images) - keras_answers(network, model.card, images)).max() < 1e-4


SHARES = {"a": 0.1, "b": 0.3, "c": 0.0, "d": 0.3}


class Additive:
    """Each layer in int8 moves the second class up by its share; the network's bytes name the int8 layers."""

    layers = tuple(SHARES)

    def quantise(self, ranges="min-max", float_layers=()):  # noqa: ARG002 - an `Int8Network` takes it
        return "".join(layer for layer in self.layers if layer not in float_layers).encode()

    def answers(self, content):
        moved = sum(SHARES[layer] for layer in content.decode())
        return np.array([[1 - moved, moved]] * 3)


def test_the_most_sensitive_layer_comes_first_and_equals_keep_their_order():
    network = Additive()
    found = sensitivities(network, network.answers, "min-max")
    assert [one.layer for one in found] == ["b", "d", "a", "c"]
    np.testing.assert_allclose([one.shift for one in found], [0.3, 0.3, 0.1, 0])
