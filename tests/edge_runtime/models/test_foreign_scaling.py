"""How a foreign network's pixels are scaled: the whole way, from the file to its answers."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgecls.edge_runtime.engines.open import open_engine
from edgecls.edge_runtime.errors import BadData, BadModel, EdgeclsError, UsageError
from edgecls.edge_runtime.images.picture_options import AS_THE_FILE_SAYS, PictureOptions
from edgecls.edge_runtime.images.prepare import prepare
from edgecls.edge_runtime.models.foreign import read_foreign
from edgecls.edge_runtime.models.named import find_model_file
from tests.strangers import expected, metadata, onnx_network, tflite_network

pytest.importorskip("onnx", reason="needs edgecls[train]")
LABELS = ("red", "green", "blue")
PICTURE = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
"""BGR."""
RGB = PICTURE[..., ::-1]
MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
SCALE, ZERO = 0.0186585, 114
"""Of an input of ImageNet's pixels."""


class Heard(list[str]):
    """Notes and warnings."""

    @property
    def text(self) -> str:
        return "\n".join(self)


def answers(path: Path, options: PictureOptions = AS_THE_FILE_SAYS, heard: Heard | None = None) -> np.ndarray:
    heard = Heard() if heard is None else heard
    model = read_foreign(path, LABELS, options, heard.append, heard.append)
    with closing(open_engine(model)) as engine:
        return engine.probabilities(prepare(PICTURE, model.card.image))


def written(folder: Path, content: bytes) -> Path:
    path = folder / ("m.tflite" if content[4:8] == b"TFL3" else "m.onnx")
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("network", [tflite_network, onnx_network])
@pytest.mark.parametrize(
    ("options", "network_input"),
    [
        (PictureOptions("0..1"), RGB / 255),
        (PictureOptions("-1..1"), RGB / 127.5 - 1),
        (PictureOptions(mean="imagenet"), (RGB / 255 - MEAN) / STD),
        (PictureOptions("0..1", channels="bgr"), PICTURE / 255),
        (PictureOptions(mean="imagenet", channels="bgr"), (PICTURE / 255 - MEAN[::-1]) / STD[::-1]),
        (PictureOptions("0..255", mean=(100, 110, 120), std=64), (RGB - [100, 110, 120]) / 64),
    ],
    ids=lambda value: value.text if isinstance(value, PictureOptions) else "",
)
def test_float_pixels_are_scaled_as_the_user_says(tmp_path, network, options, network_input):
    np.testing.assert_allclose(
        answers(written(tmp_path, network()), options), expected(network_input), atol=1e-5
    )


@pytest.mark.parametrize("network", [tflite_network, onnx_network])
@pytest.mark.parametrize(
    ("dtype", "scale", "zero", "network_input"),
    [
        ("uint8", 1 / 255, 0, RGB / 255),
        ("int8", 1 / 255, -128, RGB / 255),
        ("uint8", 1 / 127.5, 128, RGB / 127.5 - 1),
        ("uint8", SCALE, ZERO, (RGB / 255 - MEAN) / STD),
        ("int8", SCALE, ZERO - 128, (RGB / 255 - MEAN) / STD),
    ],
)
def test_integers_are_scaled_as_the_file_says(tmp_path, network, dtype, scale, zero, network_input):
    heard = Heard()
    found = answers(written(tmp_path, network(dtype, quantised=(scale, zero))), heard=heard)
    lowest = -128 if dtype == "int8" else 0
    by_hand = np.clip(np.rint(network_input / scale + zero), lowest, lowest + 255)
    np.testing.assert_allclose(found, expected((by_hand - zero) * scale), atol=1e-4)
    assert ", by its quantised input" in heard.text


def test_grey_pictures_have_one_channel(tmp_path):
    content = tflite_network(shape=(1, 8, 8, 1), metadata=metadata((0.0,), (255.0,)))
    with pytest.raises(EdgeclsError, match=r"labels|score"):  # one score for three labels
        answers(written(tmp_path, content))


def test_metadata_is_followed_and_said(tmp_path):
    heard = Heard()
    content = tflite_network(metadata=metadata((127.5,), (127.5,)))
    np.testing.assert_allclose(
        answers(written(tmp_path, content), heard=heard), expected(RGB / 127.5 - 1), atol=1e-5
    )
    assert "takes --scale -1..1, by its TFLite metadata" in heard.text


@pytest.mark.parametrize(
    ("options", "assumed"),
    [
        (PictureOptions("0..1"), "taken as --channels rgb --crop center, as nothing says otherwise"),
        (PictureOptions("0..1", channels="bgr"), "taken as --crop center,"),
        (PictureOptions("0..1", resize_to=16), "taken as --channels rgb,"),
        (PictureOptions("0..1", channels="rgb", crop="stretch"), None),
    ],
)
def test_what_nobody_says_is_not_taken_in_silence(tmp_path, options, assumed):
    heard = Heard()
    answers(written(tmp_path, onnx_network()), options, heard)
    if assumed:
        assert assumed in heard.text
    else:
        assert "taken as" not in heard.text


def test_the_user_is_right_where_metadata_say_something_else_and_both_are_named(tmp_path):
    heard = Heard()
    path = written(tmp_path, tflite_network(metadata=metadata((127.5,), (127.5,))))
    np.testing.assert_allclose(answers(path, PictureOptions("0..1"), heard), expected(RGB / 255), atol=1e-5)
    assert "takes --scale -1..1, by its TFLite metadata; using --scale 0..1" in heard.text


@pytest.mark.parametrize(
    "options", [PictureOptions("-1..1"), PictureOptions("0..255", mean=127.5, std=127.5)]
)
def test_saying_the_same_is_no_contradiction(tmp_path, options):
    heard = Heard()
    path = written(tmp_path, tflite_network(metadata=metadata((127.0,), (128.0,))))
    answers(path, replace(options, channels="rgb", crop="center"), heard)
    assert not heard.text


def test_an_option_that_no_integer_input_can_hold_is_refused(tmp_path):
    path = written(tmp_path, tflite_network("uint8", quantised=(1.0, 0)))
    with pytest.raises(UsageError, match=r"--scale 0..1 does not fit its quantised input, from 0 to 255"):
        answers(path, PictureOptions("0..1"))


def test_an_unusual_integer_input_takes_what_the_user_says_if_it_fits(tmp_path):
    path = written(tmp_path, tflite_network("uint8", quantised=(4.4 / 255, 128)))
    with pytest.raises(UsageError, match=r"none of the usual ranges; add --scale .*edgecls adopt"):
        answers(path)
    options = PictureOptions(mean=0.5, std=0.25)
    np.testing.assert_allclose(answers(path, options), expected(RGB / 255 * 4 - 2), atol=0.01)
    with pytest.raises(UsageError, match="does not fit its quantised input"):
        answers(path, PictureOptions("0..255"))


@pytest.mark.parametrize("network", [tflite_network, onnx_network])
def test_float_pixels_of_which_nothing_is_known_are_refused_with_the_way_on(tmp_path, network):
    path = written(tmp_path, network())
    with pytest.raises(UsageError, match=r"does not say which pixels.*--scale 0..1.*edgecls adopt .*--data"):
        answers(path)


@pytest.mark.parametrize("network", [tflite_network, onnx_network])
def test_a_network_that_begins_with_its_own_scaling_takes_bytes(tmp_path, network):
    heard = Heard()
    path = written(tmp_path, network(steps=[("MUL", [1 / 127.5]), ("ADD", [-1.0])]))
    np.testing.assert_allclose(answers(path, heard=heard), expected(RGB / 127.5 - 1), atol=1e-5)
    assert "takes --scale 0..255, by its first operators" in heard.text


def test_bytes_that_the_network_scales_itself_need_no_option_and_say_that_it_has_no_effect(tmp_path):
    path = written(tmp_path, onnx_network("uint8", steps=[("MUL", [1 / 255])]))
    heard = Heard()
    for options in (AS_THE_FILE_SAYS, PictureOptions("-1..1")):
        np.testing.assert_allclose(answers(path, options, heard), expected(RGB / 255), atol=1e-5)
    assert "takes bytes, and scales them itself; --scale -1..1 has no effect" in heard.text


# Labels


def with_labels(folder: Path, text: str = "rot\ngrün\nblau\n") -> Path:
    content = tflite_network(metadata=metadata((0.0,), (255.0,), "l.txt"), files={"l.txt": text})
    return written(folder, content)


def test_labels_inside_need_no_label_file(tmp_path):
    assert find_model_file(with_labels(tmp_path)).card.labels == ("rot", "grün", "blau")


def test_other_labels_than_those_inside_are_said(tmp_path):
    heard = Heard()
    model = read_foreign(with_labels(tmp_path), LABELS, on_warning=heard.append)
    assert model.card.labels == LABELS
    assert "has other labels inside (rot, grün, blau); using those of --labels" in heard.text


def test_labels_inside_that_are_none_do_no_harm_beside_others(tmp_path):
    path = with_labels(tmp_path, "only one\n")
    assert read_foreign(path, LABELS).card.labels == LABELS
    with pytest.raises(BadData, match=r"m.tflite: l.txt: 1 labels"):
        find_model_file(path)


def test_a_file_without_labels_says_what_to_type(tmp_path):
    path = written(tmp_path, tflite_network())
    with pytest.raises(BadModel, match="made elsewhere; name its labels with --labels"):
        find_model_file(path)
    with pytest.raises(UsageError, match="has no labels inside; name them with --labels"):
        find_model_file(path, picture_options=PictureOptions("0..1"))
    path = written(tmp_path, tflite_network(metadata=metadata((0.0,), (255.0,))))
    with pytest.raises(UsageError, match="has no labels inside"):
        find_model_file(path)
