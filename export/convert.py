"""From the Keras original to the files of a device: convert, attach the card, compare, then write."""

import hashlib
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..edge_runtime import card_onnx, card_tflite
from ..edge_runtime.card import ModelCard, Quantisation
from ..edge_runtime.engine import open_engine
from ..edge_runtime.errors import BadData
from ..edge_runtime.files import write_whole
from ..edge_runtime.model_file import ModelFile, ModelFormat
from .calibration import Calibration
from .confidence import Confidence, fit_confidence
from .golden import golden_frames
from .keras_file import KerasEngine
from .onnx import float_onnx, int8_onnx
from .parity import ParityReport, check_float, compare, predict_all
from .tflite import float_tflite, int8_tflite
from .tflite_metadata import with_metadata


@dataclass(frozen=True)
class Pictures:
    """Images with their classes."""

    images: np.ndarray
    """uint8 (N, H, W, 3) RGB."""
    truth: np.ndarray
    """int64 (N,)."""


@dataclass(frozen=True)
class Target:
    """One file to make."""

    format: ModelFormat
    int8: bool

    def path_for(self, h5: Path) -> Path:
        """Beside the original: `image_classification.h5` gives `image_classification_int8.tflite`."""
        return h5.with_name(f"{h5.stem}{'_int8' if self.int8 else ''}.{self.format}")


@dataclass(frozen=True)
class ExportReport:
    """One exported file: how far it is from Keras, and when it says "unknown"."""

    parity: ParityReport
    confidence: Confidence


def targets(int8: bool) -> tuple[Target, ...]:
    """The files that an export makes: float32, and int8 where it is asked for."""
    return tuple(
        Target(format_, quantised)
        for quantised in ((False, True) if int8 else (False,))
        for format_ in (ModelFormat.TFLITE, ModelFormat.ONNX)
    )


def export_model(
    h5: Path,
    *,
    test: Pictures,
    val: Pictures,
    calibration: Calibration | None = None,
    precision: float | None = None,
    on_step: Callable[[str], None] = lambda _: None,
) -> list[ExportReport]:
    """Exports a trained `.h5` to TFLite and ONNX beside it; each is compared with Keras first.

    Args:
        h5: what `edgecls train` saved.
        test: what each file is compared with Keras on; nothing is chosen by it.
        val: what threshold and golden frames are taken from.
        calibration: training images; with them int8 files are made too.
        precision: of the answers, 0 to 1, that each file's threshold is fitted for; see `fit_confidence`.
        on_step: told what is being done, for a progress line.

    Raises:
        CheckFailed: a float file differs from Keras. Nothing was written.
        BadModel, MissingInput, BadData, OutputFailed, PermissionRefused: see the functions called.
    """
    keras = KerasEngine(h5)
    _check_size(keras, test.images, h5)
    reference = keras.many(test.images)
    made: list[tuple[ModelFile, ExportReport]] = []
    for target in targets(int8=calibration is not None):
        path = target.path_for(h5)
        on_step(f"making {path.name} and comparing it with Keras on {len(test.images):,} images")
        network = _convert(target, keras, calibration)
        if target.format is ModelFormat.TFLITE:
            network = with_metadata(network, keras.model.card)
        bare = _file(path, target, network, _card(target, keras, calibration))
        with closing(open_engine(bare)) as engine:
            confidence = fit_confidence(predict_all(engine, val.images), val.truth, precision)
            card = replace(
                bare.card,
                temperature=confidence.temperature,
                threshold=confidence.threshold,
                golden=golden_frames(val.images, val.truth, engine, bare.card, len(network)),
            )
            model = _file(path, target, network, card)
            answers = predict_all(engine, test.images)
        parity = compare(path.name, model.size_bytes, answers, reference, test.truth)
        if not target.int8:
            check_float(parity)
        made.append((model, ExportReport(parity, confidence)))
    for model, _ in made:
        write_whole(model.path, model.content)
    return [report for _, report in made]


def _card(target: Target, keras: KerasEngine, calibration: Calibration | None) -> ModelCard:
    original = keras.model.card
    sha256 = hashlib.sha256(keras.model.content).hexdigest()
    card = replace(original, io="uint8", provenance=replace(original.provenance, weights_sha256=sha256))
    if target.int8 and calibration is not None:
        card = replace(card, quantisation=Quantisation("int8", len(calibration.images), calibration.sha256))
    return card


def _file(path: Path, target: Target, network: bytes, card: ModelCard) -> ModelFile:
    attach = {ModelFormat.TFLITE: card_tflite.attach, ModelFormat.ONNX: card_onnx.attach}[target.format]
    return ModelFile(path, target.format, attach(network, card), card)


def _convert(target: Target, keras: KerasEngine, calibration: Calibration | None) -> bytes:
    tflite, card = target.format is ModelFormat.TFLITE, keras.model.card
    if target.int8 and calibration is not None:
        return (int8_tflite if tflite else int8_onnx)(keras.network, card, calibration)
    return (float_tflite if tflite else float_onnx)(keras.network, card)


def _check_size(keras: KerasEngine, images: np.ndarray, h5: Path) -> None:
    if not len(images):
        raise BadData(f"{h5}: no images to compare on; name a data set with a test split")
    if images.shape[1:3] != keras.input_size_px:
        height_px, width_px = keras.input_size_px
        raise BadData(
            f"{h5}: takes {height_px}x{width_px} px, the images are {images.shape[1]}x{images.shape[2]}; "
            "name the data set that it was trained on"
        )
