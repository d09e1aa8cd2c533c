"""From the Keras original to the files of a device: convert, attach the card, compare, then write."""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..data.model_data import foreign_data
from ..edge_runtime.engines.engine import Engine, open_engine
from ..edge_runtime.errors import BadData, UsageError
from ..edge_runtime.files import write_whole
from ..edge_runtime.images.rule import PixelRange
from ..edge_runtime.models import model_file
from ..edge_runtime.models.card import ModelCard, Quantisation
from ..edge_runtime.models.model_file import ModelFile, ModelFormat
from ..edge_runtime.text import duration
from .calibration import DEFAULT_IMAGES, Calibration, choose_calibration
from .confidence import Confidence, fit_confidence, rejection_rates
from .contract import Io
from .golden import golden_frames
from .inputs import ForeignModel, OwnModel, read_inputs
from .keras_file import KerasEngine, load_foreign
from .ladder import METHODS, AccuracyMeter, Int8Result, int8_within
from .onnx import dynamic_onnx, float16_onnx, float_onnx
from .onnx_int8 import Int8Onnx, int8_onnx
from .parity import LIMITS, check_float, compare, predict_all
from .report import ExportedFile, ExportReport
from .tflite import dynamic_tflite, float16_tflite, float_tflite
from .tflite_graph import with_short_names
from .tflite_int8 import Int8Tflite, int8_tflite
from .tflite_metadata import with_metadata

# The files that an export can make: a format, and the kind of numbers inside.

Kind = Literal["float32", "int8", "float16", "dynamic"]

_CONVERT: dict[tuple[ModelFormat, Kind], Any] = {
    (ModelFormat.TFLITE, "float32"): float_tflite,
    (ModelFormat.TFLITE, "float16"): float16_tflite,
    (ModelFormat.TFLITE, "dynamic"): dynamic_tflite,
    (ModelFormat.TFLITE, "int8"): int8_tflite,
    (ModelFormat.ONNX, "float32"): float_onnx,
    (ModelFormat.ONNX, "float16"): float16_onnx,
    (ModelFormat.ONNX, "dynamic"): dynamic_onnx,
    (ModelFormat.ONNX, "int8"): int8_onnx,
}
_INT8_NETWORKS = {ModelFormat.TFLITE: Int8Tflite, ModelFormat.ONNX: Int8Onnx}


@dataclass(frozen=True)
class Target:
    """One file to make."""

    format: ModelFormat
    kind: Kind = "float32"
    io: Io = "uint8"

    def path_for(self, original: Path) -> Path:
        """Beside the original: `image_classification.h5` gives `image_classification_int8.tflite`."""
        suffix = "" if self.kind == "float32" else f"_{self.kind}"
        return original.with_name(f"{original.stem}{suffix}.{self.format}")

    def convert(self, network: Any, card: ModelCard, calibration: Calibration | None) -> bytes:
        """The file without its card; a BadModel where the format cannot express the network."""
        convert = _CONVERT[self.format, self.kind]
        if self.kind == "int8":
            return convert(network, card, calibration, self.io)
        return convert(network, card, self.io)

    def int8_network(self, network: Any, card: ModelCard, calibration: Calibration) -> Int8Tflite | Int8Onnx:
        """What the int8 ladder climbs on."""
        return _INT8_NETWORKS[self.format](network, card, calibration, self.io)


def targets(kinds: tuple[Kind, ...], io: Io = "uint8") -> tuple[Target, ...]:
    """The files of an export: float32 and these kinds, each as TFLite and ONNX.

    Raises:
        UsageError: `io` is int8 and no int8 file is asked for.
    """
    if io == "int8":  # a float network neither takes nor gives integers
        if "int8" not in kinds:
            raise UsageError("--io int8: only int8 files take and give int8; add --int8")
        kinds = ("int8",)
    else:
        kinds = ("float32", *(kind for kind in kinds if kind != "float32"))
    return tuple(
        Target(format_, kind, io) for kind in kinds for format_ in (ModelFormat.TFLITE, ModelFormat.ONNX)
    )


@dataclass(frozen=True)
class EvaluationImages:
    """Images with their classes."""

    images: np.ndarray
    """uint8 (N, H, W, 3) RGB."""
    truth: np.ndarray | None
    """int64 (N,); None where nobody knows."""


@dataclass(frozen=True)
class ExportOptions:
    """What an export is asked for."""

    kinds: tuple[Kind, ...] = ()
    """Beside float32."""
    io: Io = "uint8"
    target_precision: float | None = None
    """Of the answers, 0 to 1, that each file's threshold is fitted for; see `fit_confidence`."""
    max_drop_points: float | None = None
    """The accuracy that an int8 file may lose on the validation images, in points; see `int8_within`."""


def export_model(
    model: str | Path | None = None,
    *,
    int8: bool = False,
    float16: bool = False,
    dynamic: bool = False,
    io: Io = "uint8",
    max_drop: float | None = None,
    target_precision: float | None = 0.95,
    data: str | Path | None = None,
    calibration_images: int = DEFAULT_IMAGES,
    labels: str | Path | None = None,
    scale: PixelRange | None = None,
    calibration: str | Path | None = None,
    on_step: Callable[[str], None] = lambda _: None,
) -> ExportReport:
    """Converts a Keras model to TFLite and ONNX, each compared with the original: what `edgecls export` does.

    Args:
        model: an `.h5`; None is the newest of this folder. The files are written beside it.
        int8: also make int8 files.
        float16: also make files with half-precision weights.
        dynamic: also make files with int8 weights only.
        io: what the files take and return.
        max_drop: the accuracy that int8 may lose on the validation images, in points; None does not check.
        target_precision: the share of answers that should be right, 0 to 1; less certain ones become
            "unknown".
        data: the data set to calibrate and compare on; None is the one that the model was trained on.
        calibration_images: training images that int8 ranges are measured on.
        labels: for a model made elsewhere: a text file with one label on each line.
        scale: for a model made elsewhere: range of the pixels that it was trained on; None is `0..1`.
        calibration: for a model made elsewhere: a folder of pictures, in place of `data`.
        on_step: told what is being done.

    Raises:
        EdgeclsError: see `read_inputs` and `Export.run`.
    """
    inputs = read_inputs(
        Path(model) if model else None,
        data=str(data) if data else None,
        labels=Path(labels) if labels else None,
        scale=scale,
        calibration=Path(calibration) if calibration else None,
        on_step=on_step,
    )
    wanted: dict[Kind, bool] = {"int8": int8, "float16": float16, "dynamic": dynamic}
    kinds: tuple[Kind, ...] = tuple(kind for kind, is_wanted in wanted.items() if is_wanted)
    options = ExportOptions(kinds, io, target_precision, max_drop)
    return run_export(inputs, options, calibration_images, on_step)


def run_export(
    inputs: OwnModel | ForeignModel,
    options: ExportOptions,
    calibration_images: int = DEFAULT_IMAGES,
    on_step: Callable[[str], None] = lambda _: None,
) -> ExportReport:
    """Exports what `read_inputs` read; see `export_model`."""
    if isinstance(inputs, ForeignModel):
        loaded = load_foreign(inputs.path, inputs.labels, inputs.scale)
        original = KerasEngine(loaded)
        on_step("reading the pictures")
        dataset = foreign_data(loaded[1].card, inputs.data, inputs.pictures)
        truth_known = inputs.pictures is None
    else:
        original, dataset, truth_known = KerasEngine(inputs.file), inputs.dataset, True
    ranges = None
    if "int8" in options.kinds:
        train = dataset.train
        ranges = choose_calibration(train.images, train.truth, seed=0, count=calibration_images)
    test, val = (
        EvaluationImages(split.images, split.truth if truth_known else None)
        for split in (dataset.test, dataset.val)
    )
    files = Export(original, inputs.path, test, val, ranges, options, on_step).run()
    return ExportReport(tuple(files), dataset.name, len(val.images))


@dataclass(frozen=True)
class Export:
    """An export: what goes in, and what is wished for."""

    keras: KerasEngine
    """The original."""
    path: Path
    """The original's; the files are written beside it."""
    test: EvaluationImages
    """What each file is compared with Keras on; nothing is chosen by it."""
    val: EvaluationImages
    """What threshold, golden frames and the int8 ladder's choice are taken from."""
    calibration: Calibration | None = None
    """Training images, for int8."""
    options: ExportOptions = ExportOptions()
    on_step: Callable[[str], None] = lambda _: None
    """Told what is being done, for a progress line."""

    def run(self) -> list[ExportedFile]:
        """Makes the files; each is compared with Keras before one is written.

        Raises:
            CheckFailed: a float file differs from Keras, or an int8 file loses too much. Nothing was written.
            BadModel, BadData, UsageError, OutputFailed, PermissionRefused: see the functions called.
        """
        _check_size(self.keras, self.test.images, self.path)
        reference = self.keras.many(self.test.images)
        planned = targets(self.options.kinds, self.options.io)
        made, started_s = [], time.monotonic()
        for number, target in enumerate(planned):
            each_s = (time.monotonic() - started_s) / number if number else 0.0
            left = f", about {duration(each_s * (len(planned) - number))} left" if number else ""
            self.on_step(
                f"file {number + 1} of {len(planned)}: converting to {target.path_for(self.path).name}, "
                f"comparing on {len(self.test.images):,} images{left}"
            )
            made.append(self._make(target, reference))
        for model, _ in made:
            write_whole(model.path, model.content)
        return [report for _, report in made]

    def _make(self, target: Target, reference: np.ndarray) -> tuple[ModelFile, ExportedFile]:
        name = target.path_for(self.path).name
        card = _card(target, self.keras, self.calibration)
        network, ladder = self._convert(target, card)
        card = _with_choices(card, ladder)
        with closing(open_engine(_file(self.path, target, network, card))) as engine:
            confidence, card = self._ask(engine, card, len(network))
            answers = predict_all(engine, self.test.images)
            refused = rejection_rates(engine, card)
        model = _file(self.path, target, network, card)
        parity = compare(name, model.size_bytes, answers, reference, self.test.truth)
        if target.kind in LIMITS:
            check_float(parity, LIMITS[target.kind])
        return model, ExportedFile(parity, confidence, refused, tuple(ladder.lines()) if ladder else ())

    def _convert(self, target: Target, card: ModelCard) -> tuple[bytes, Int8Result | None]:
        """The file without its card, and how the int8 ladder led to it, where it was climbed."""
        most, truth, calibration = self.options.max_drop_points, self.val.truth, self.calibration
        original, result = self.keras.model.card, None
        if target.kind == "int8" and most is not None and truth is not None and calibration is not None:
            accuracy = float((self.keras.many(self.val.images).argmax(1) == truth).mean())
            path = target.path_for(self.path)
            meter = AccuracyMeter(path, target.format, card, self.val.images, truth, accuracy)
            ladder = target.int8_network(self.keras.network, original, calibration)
            result = int8_within(ladder, meter, calibration.images, most, self.on_step)
            network = result.network
        else:
            network = target.convert(self.keras.network, original, calibration)
        if target.format is ModelFormat.TFLITE:
            network = with_metadata(with_short_names(network), card)
        return network, result

    def _ask(
        self, engine: Engine, card: ModelCard, network_bytes: int
    ) -> tuple[Confidence | None, ModelCard]:
        """Adds to a card what the file's own answers tell: threshold, temperature and golden frames."""
        images, truth = self.val.images, self.val.truth
        answers = predict_all(engine, images)
        confidence = None
        if truth is not None:
            confidence = fit_confidence(answers, truth, self.options.target_precision)
            card = replace(card, temperature=confidence.temperature, threshold=confidence.threshold)
        return confidence, replace(card, golden=golden_frames(images, answers, engine, card, network_bytes))


def _card(target: Target, keras: KerasEngine, calibration: Calibration | None) -> ModelCard:
    original = keras.model.card
    sha256 = keras.model.sha256
    quantisation = None
    if target.kind == "int8" and calibration is not None:
        images, sha256_of_them = len(calibration.images), calibration.sha256
        quantisation = Quantisation("int8", images, sha256_of_them, calibration.prints, METHODS[0])
    elif target.kind != "float32":
        quantisation = Quantisation(target.kind, 0, "")
    provenance = replace(original.provenance, weights_sha256=sha256)
    return replace(original, io=target.io, provenance=provenance, quantisation=quantisation)


def _with_choices(card: ModelCard, ladder: Int8Result | None) -> ModelCard:
    """A card that tells what the ladder chose."""
    if ladder is None or card.quantisation is None:
        return card
    layers = tuple(one.layer for one in ladder.float_layers)
    return replace(card, quantisation=replace(card.quantisation, ranges=ladder.ranges, float_layers=layers))


def _file(path: Path, target: Target, network: bytes, card: ModelCard) -> ModelFile:
    attach = {ModelFormat.TFLITE: model_file.attach_to_tflite, ModelFormat.ONNX: model_file.attach_to_onnx}[
        target.format
    ]
    return ModelFile(target.path_for(path), target.format, attach(network, card), card)


def _check_size(keras: KerasEngine, images: np.ndarray, path: Path) -> None:
    if not len(images):
        raise BadData(f"{path}: no images to compare on; name a data set with a test split")
    if images.shape[1:3] != keras.input_size_px:
        height_px, width_px = keras.input_size_px
        raise BadData(
            f"{path}: takes {height_px}x{width_px} px, the images are {images.shape[1]}x{images.shape[2]}; "
            "name the data set that it was trained on"
        )
