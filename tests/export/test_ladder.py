from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from edgecls.edge_runtime.errors import CheckFailed
from edgecls.edge_runtime.models.model_file import ModelFormat
from edgecls.export.calibration import Calibration, RangeMethod, choose_calibration
from edgecls.export.int8_loss import Attempt, Meter, MostLost, noticed
from edgecls.export.keras_file import load_network
from edgecls.export.ladder import check_within, int8_within, layers_to_blame, sensitivities
from edgecls.export.targets import Target, converted
from tests.export.networks import (
    CARD,
    IMAGES,
    hard_to_quantise,
    inverted_residual,
    keras_answers,
    with_weak_head,
)

FORMATS = (ModelFormat.TFLITE, ModelFormat.ONNX)


def calibrated_in(format_, network, card, calibration):
    return Target(format_, "int8").int8_network(converted(network, card, format_), card, calibration)


@pytest.fixture(scope="module")
def loaded(tiny):
    return load_network(tiny.h5)


@pytest.fixture(scope="module")
def calibration(tiny):
    return choose_calibration(tiny.dataset.train.images, tiny.dataset.train.truth, seed=0, count=64)


@pytest.fixture(scope="module")
def calibrated_once(loaded, calibration):
    """The network of `tiny`, calibrated in a format."""
    return cache(lambda format_: calibrated_in(format_, loaded[0], loaded[1].card, calibration))


def meter_of(network, card, path, format_, images, truth, more_images) -> Meter:
    """Measures against the Keras network."""
    references = [keras_answers(network, card, some) for some in (images, more_images)]
    return Meter(path, format_, replace(card, io="uint8"), images, truth, more_images, *references)


@pytest.fixture(params=FORMATS)
def climb(request, tiny, loaded, calibration, calibrated_once):
    """Climbs the ladder with a network in a format; gives the result and the meter."""

    def climb(network, max_drop_points, said=lambda _: None):
        card, val = loaded[1].card, tiny.dataset.val
        path = Path(f"pets_int8.{request.param}")
        meter = meter_of(network, card, path, request.param, val.images, val.truth, calibration.images)
        if network is loaded[0]:
            calibrated = calibrated_once(request.param)
        else:
            calibrated = calibrated_in(request.param, network, card, calibration)
        limit = MostLost(max_drop_points)
        return check_within(int8_within(calibrated, meter, limit, on_step=said), path, limit), meter

    climb.format = request.param
    return climb


def test_a_network_that_quantises_well_stays_on_the_first_step(loaded, calibrated_once, climb):
    result, meter = climb(loaded[0], 2)
    assert result.network == calibrated_once(climb.format).quantise()
    (attempt,) = result.attempts
    assert attempt == result.chosen == meter.attempt(result.network, "min-max")
    assert attempt.drop_points <= 2
    assert (result.sensitive, result.summary) == ((), "")


def test_a_network_that_quantises_badly_climbs_until_two_layers_stay_in_float(loaded, climb):
    said = []
    result, meter = climb(hard_to_quantise(loaded[0]), 1.5, said.append)
    first = [(attempt.ranges, attempt.float_layers) for attempt in result.attempts[:4]]
    last = ("probabilities",)
    assert first == [("min-max", ()), ("min-max", last), ("percentile", ()), ("entropy", ())]
    assert all(attempt.drop_points > 1.5 for attempt in result.attempts[:-1])
    assert result.attempts[0].drop_points > 30
    spoilt = {layer.name for layer in loaded[0].layers if "conv" in layer.name}
    assert {one.layer for one in result.sensitive} < spoilt
    assert result.chosen.float_layers == tuple(one.layer for one in result.sensitive)
    assert meter.attempt(result.network, *first[0]).drop_points == result.chosen.drop_points <= 1.5
    assert said == result.lines()[: len(said)]
    assert "stays in float: int8 in this layer alone changes the probabilities by" in result.lines()[-1]
    gained = sum(one.gain_points for one in result.sensitive)
    plain = [attempt.drop_points for attempt in result.attempts[:4] if not attempt.float_layers]
    assert gained == pytest.approx(min(plain) - result.chosen.drop_points)


@pytest.mark.parametrize("format_", FORMATS)
def test_a_weak_head_is_noticed_without_labels_and_mended_by_float_alone(format_):
    network, path = with_weak_head(inverted_residual()), Path("weak_int8")
    meter = meter_of(network, CARD, path, format_, IMAGES[:4], None, IMAGES[4:])
    calibrated = calibrated_in(format_, network, CARD, Calibration(IMAGES))
    result = int8_within(calibrated, meter, noticed(4))
    plain, mended = result.attempts
    assert plain.changed > 0.2
    assert (mended.float_layers, result.chosen) == (calibrated.layers[-1:], mended)
    assert mended.changed <= 0.05
    assert mended.shift <= 0.05
    assert result.summary.startswith("int8 throughout lost too much (other labels ")
    assert f"with min-max ranges, {calibrated.layers[-1]} in float: " in result.summary
    assert not list(result.warnings())


def test_what_nothing_mends_is_the_best_and_is_warned_of(loaded, climb, calibrated_once, tiny):
    network, card = loaded[0], loaded[1].card
    images = tiny.dataset.val.images[:9]
    meter = meter_of(network, card, Path("x"), climb.format, images, None, images[:1])
    result = int8_within(calibrated_once(climb.format), meter, MostLost(0, 0, 0))
    assert not result.is_within
    assert meter.attempt(result.network, *ways(result.chosen)) == result.chosen
    assert result.chosen.shift == min(attempt.shift for attempt in result.attempts)
    (warning,) = result.warnings()
    assert "neither narrower ranges nor float layers help; use a --float16 file" in warning


def ways(attempt):
    return attempt.ranges, attempt.float_layers


@pytest.mark.parametrize(("images", "points"), [(1000, 1), (50, 4), (10, 20)])
def test_two_validation_images_may_be_lost_by_chance(images, points):
    assert noticed(images).drop_points == points


def test_a_limit_that_no_step_meets_fails_in_one_line_with_at_most_half_of_the_layers_in_float(loaded, climb):
    said = []
    message = r"pets_int8\.\w+: no int8 file within -5 points of Keras; best: int8, .*%; allow a larger"
    with pytest.raises(CheckFailed, match=message) as failed:
        climb(loaded[0], -5, said.append)
    assert failed.value.exit_code == 1
    assert "\n" not in str(failed.value)
    assert len(said) == 4 + len([layer for layer in loaded[0].layers if layer.weights]) // 2


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("ranges", ["min-max", "percentile", "entropy"])
def test_with_all_layers_in_float_nothing_is_lost_but_the_roundings_of_the_input(
    tiny, loaded, calibrated_once, format_, ranges: RangeMethod
):
    network, model = loaded
    images = tiny.dataset.val.images[:50]
    calibrated = calibrated_once(format_)
    meter = meter_of(network, model.card, Path("x"), format_, images, None, images[:1])
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


class Spread:
    """Each of many layers in int8 moves the second class up by the same small share."""

    layers = tuple(f"layer{number}" for number in range(40))

    def __init__(self):
        self.made = 0

    def quantise(self, ranges="min-max", float_layers=()):  # noqa: ARG002 - an `Int8Network` takes it
        self.made += 1
        return bytes(len(self.layers) - len(float_layers))


class FakeMeter(Meter):
    def predict(self, network, images):
        moved = 0.01 * len(network)
        return np.array([[1 - moved, moved]] * len(images))


def test_a_loss_that_is_spread_over_many_layers_is_not_followed_for_minutes():
    images, reference = np.zeros((9, 2, 2, 3), np.uint8), np.array([[1.0, 0.0]] * 9)
    meter = FakeMeter(Path("x"), ModelFormat.TFLITE, CARD, images, None, images, reference, reference)
    network = Spread()
    result = int8_within(network, meter, noticed(9), noticed(9, 3))
    assert not result.is_within
    assert len(result.attempts) == 4  # the first three steps
    assert network.made == 4 + 1 + len(network.layers) + 1
    assert result.network == network.quantise(*ways(result.chosen))
    (warning,) = result.warnings()
    assert "so many layers share in it that about 35 would have to stay in float; use a --float16" in warning


def test_how_many_layers_are_to_blame():
    network = Additive()
    ranked = sensitivities(network, network.answers, "min-max")  # 0.3, 0.3, 0.1, 0
    assert [layers_to_blame(ranked, share) for share in (1, 0.6, 0.5, 0.15, 0)] == [0, 1, 2, 2, 3]


@pytest.mark.parametrize(
    ("drop_points", "said"), [(1.25, "-1.25 points"), (-0.5, "+0.50 points"), (0.0, "+0.00 points")]
)
def test_a_change_of_accuracy_has_its_sign_and_names_the_split(drop_points: float, said: str):
    attempt = Attempt("min-max", (), drop_points, 0.012, 0.0)
    assert str(attempt) == f"int8, min-max ranges: validation accuracy {said}, other labels 1.2%"
