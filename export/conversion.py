"""Conversion: makes the files of an export, each compared with the Keras original, then writes them."""

import shlex
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ..data.answers import order_note, weak_answers
from ..data.originals import Originals
from ..edge_runtime.engines.engine import Engine
from ..edge_runtime.engines.open import open_own_engine
from ..edge_runtime.errors import BadData, EdgeclsError
from ..edge_runtime.files import write_whole
from ..edge_runtime.models import model_file
from ..edge_runtime.models.card import ModelCard, Quantisation
from ..edge_runtime.models.model_file import ModelFile, ModelFormat
from ..edge_runtime.models.passed import remember
from ..edge_runtime.text import duration
from .calibration import Calibration
from .confidence import (
    FEW_IMAGES,
    Confidence,
    confidence_warnings,
    fit_confidence,
    rejection_rates,
)
from .contract import Io
from .demo import demo_candidates, demo_pictures
from .earlier import FORMATS, Kind
from .golden import golden_frames
from .inexpressible import Inexpressible
from .int8_loss import MEASURED_IMAGES, Meter, MostLost, limit_asked, noticed
from .keras_file import KerasEngine
from .ladder import METHODS, Int8Result, check_within, int8_within
from .parity import LIMITS, NotAsKeras, check_float, compare, loss_warnings, predict_all
from .report import ExportedFile
from .targets import Target, converted, targets
from .tflite_graph import with_short_names
from .tflite_metadata import with_metadata

_ENOUGH = 3
"""A file that loses up to three times what is noticed is not worth minutes of search."""


@dataclass(frozen=True)
class EvaluationImages:
    """Images to evaluate a file on, perhaps without labels."""

    images: np.ndarray
    """uint8 (N, H, W, 3) RGB."""
    truth: np.ndarray | None
    """int64 (N,); None if there are no labels."""


@dataclass(frozen=True)
class ExportOptions:
    """Which files to make, and how."""

    kinds: tuple[Kind, ...] = ()
    """Besides float32."""
    io: Io = "uint8"
    target_precision: float | None = None
    """Share of right answers that each file's threshold is fitted for, 0 to 1; see `fit_confidence`."""
    formats: tuple[ModelFormat, ...] = ()
    """Those that must be made, and no other; empty: both, or the one that can express the network."""
    max_drop_points: float | None = None
    """Accuracy that int8 may lose on the validation images, in percentage points; see `int8_within`. With
    None a file that loses much is mended as well as possible."""
    is_precision_asked: bool = False
    """Whether the target precision is more than the usual one, which few images may miss."""


@dataclass(frozen=True)
class Export:
    """An export, from the Keras original and its images to the files beside it."""

    keras: KerasEngine
    """The original."""
    path: Path
    """Of the original; the files are written beside it."""
    test: EvaluationImages
    """For the comparison with Keras only; nothing is chosen by it."""
    val: EvaluationImages
    """For the threshold, the golden frames and the choice of the int8 ladder."""
    calibration: Calibration | None = None
    """Training images, for int8."""
    options: ExportOptions = ExportOptions()
    on_step: Callable[[str], None] = lambda _: None
    """Called with what is being done, for a progress line."""
    originals: Originals | None = None
    """Of the validation images, for the demo pictures; without them there are none."""
    left_out: list[str] = field(default_factory=list[str])
    """After `run`: a line for each file that one format could not hold, where the other could."""

    def run(self) -> list[ExportedFile]:
        """Makes all files, compares each with Keras, then writes them.

        What one format cannot hold is left out where the other can, unless it was asked for.

        Raises:
            CheckFailed: a float file differs from Keras, or an int8 file loses too much. Nothing was written.
            BadModel, BadData, UsageError, OutputFailed, PermissionRefused: see the functions called.
        """
        _check_size(self.keras, self.test.images, self.path)
        if self.options.max_drop_points is not None and self.val.truth is not None:
            self._asked(self.options.max_drop_points)  # raises if there are too few images
        reference = self.keras.predict_batch(self.test.images)
        planned = targets(self.options.kinds, self.options.io, self.options.formats)
        if any(target.format is ModelFormat.ONNX for target in planned):
            self.on_step("converting the network to ONNX")
            _ = self._onnx  # first: it takes more memory than anything after it
        made: dict[Target, tuple[ModelFile, ExportedFile]] = {}
        failed: dict[Target, EdgeclsError] = {}
        started_s = time.monotonic()
        for number, target in enumerate(planned):
            each_s = (time.monotonic() - started_s) / number if number else 0.0
            left = f", about {duration(each_s * (len(planned) - number))} left" if number else ""
            self.on_step(
                f"file {number + 1} of {len(planned)}: converting to {target.path_for(self.path).name}, "
                f"comparing on {len(self.test.images):,} images{left}"
            )
            try:
                made[target] = self._make(target, reference)
            except (Inexpressible, NotAsKeras) as error:
                failed[target] = error
                self._check_another(target, failed)
        self.left_out.extend(_left_out(self.path, failed))
        for model, _ in made.values():
            write_whole(model.path, model.content)
            remember(model.sha256, "run", "inspect")
        return [report for _, report in made.values()]

    def _check_another(self, target: Target, failed: dict[Target, EdgeclsError]) -> None:
        """Raises what a file failed by, unless the other format may still hold it."""
        first, *others = [error for other, error in failed.items() if other.kind == target.kind]
        if self.options.formats and isinstance(first, Inexpressible):
            raise Inexpressible(f"{first}; replace that layer, or leave --format out") from first
        if self.options.formats or len(others) == len(FORMATS) - 1:
            remedy = ["replace what they lack"] if others and isinstance(first, Inexpressible) else []
            raise (
                first if not others else type(first)("; ".join(map(str, (first, *others, *remedy))))
            ) from first

    def _make(self, target: Target, reference: np.ndarray) -> tuple[ModelFile, ExportedFile]:
        name = target.path_for(self.path).name
        card = _card(target, self.keras, self.calibration)
        network, ladder = self._convert(target, card)
        card = _with_choices(card, ladder)
        with closing(open_own_engine(_file(self.path, target, network, card))) as engine:
            confidence, card = self._fitted(engine, card, len(network))
            answers = predict_all(engine, self.test.images)
            refused = rejection_rates(engine, card)
        model = _file(self.path, target, network, card)
        parity = compare(name, model.size_bytes, answers, reference, self.test.truth)
        if target.kind in LIMITS:
            check_float(parity, LIMITS[target.kind])
        asked = self.options.max_drop_points is not None and self.val.truth is not None
        steps = tuple(ladder.lines() if asked else filter(None, [ladder.summary])) if ladder else ()
        order, weak = self._doubts(answers.argmax(1), card)
        warnings = [
            *confidence_warnings(confidence, self.options.target_precision),
            *(ladder.warnings() if ladder else ()),
            *loss_warnings(parity),
        ]
        warnings += order or weak
        is_useless = bool(weak) or (confidence is not None and confidence.answers_nothing)
        return model, ExportedFile(parity, confidence, refused, steps, tuple(warnings), is_useless)

    def _doubts(self, answers: np.ndarray, card: ModelCard) -> tuple[list[str], list[str]]:
        """What is wrong with answers, int (N,): the labels are in another order; they are by chance."""
        if self.test.truth is None:
            return [], []
        order = order_note(answers, self.test.truth, card.labels)
        weak = weak_answers(answers, self.test.truth, card.labels)
        is_foreign = not card.provenance.data
        model = shlex.quote(str(self.path))
        remedy = (
            f"its pictures may be prepared otherwise: `edgecls adopt {model} --labels LABELS --data FOLDER` "
            "finds out how"
            if is_foreign
            else "train again with more epochs or better pictures"
        )
        return [order] if order else [], [f"{weak}; {remedy}"] if weak else []

    def _convert(self, target: Target, card: ModelCard) -> tuple[bytes, Int8Result | None]:
        """Returns the file without its card, and the result of the ladder for int8."""
        result, network = None, b""
        if target.kind == "int8" and self.calibration is not None:
            result = self._int8(target, card, self.calibration)
            network = result.network
        else:
            converted_once = self._network(target.format)
            network = target.convert(converted_once, self.keras.model.card, self.calibration)
        if target.format is ModelFormat.TFLITE:
            network = with_metadata(with_short_names(network), card)
        return network, result

    def _int8(self, target: Target, card: ModelCard, calibration: Calibration) -> Int8Result:
        path, most, val = target.path_for(self.path), self.options.max_drop_points, self.val
        more_images, *references = self._measured
        meter = Meter(path, target.format, card, val.images, val.truth, more_images, *references)
        converted_once = self._network(target.format)
        calibrated = target.int8_network(converted_once, self.keras.model.card, calibration)
        if most is None or val.truth is None:
            limits = (noticed(len(val.images), factor) for factor in (1, _ENOUGH))
            return int8_within(calibrated, meter, *limits, on_step=self.on_step)
        limit = self._asked(most)
        return check_within(int8_within(calibrated, meter, limit, on_step=self.on_step), path, limit)

    def _network(self, format_: ModelFormat) -> Any:
        """Returns what the files of a format are converted from."""
        if format_ is not ModelFormat.ONNX:
            return converted(self.keras.network, self.keras.model.card, format_)
        if isinstance(self._onnx, Inexpressible):
            raise self._onnx
        return self._onnx

    @cached_property
    def _onnx(self) -> Any:
        """The network as ONNX, or the reason why there is none."""
        try:
            return converted(self.keras.network, self.keras.model.card, ModelFormat.ONNX)
        except Inexpressible as error:
            return error

    def _asked(self, most: float) -> MostLost:
        calibration_images = len(self.calibration.images) if self.calibration else 0
        return limit_asked(most, len(self.val.images), calibration_images)

    @cached_property
    def _measured(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Calibration images to measure int8 on, and what Keras gives for the validation images and them."""
        every = self.calibration.images if self.calibration else self.val.images[:0]
        is_few = self.options.max_drop_points is not None and len(self.val.images) < FEW_IMAGES
        some = every if is_few else every[:: max(1, -(-len(every) // MEASURED_IMAGES))]
        return some, self.keras.predict_batch(self.val.images), self.keras.predict_batch(some)

    def _fitted(
        self, engine: Engine, card: ModelCard, network_bytes: int
    ) -> tuple[Confidence | None, ModelCard]:
        """Returns the file's confidence, and its card with threshold, temperature and golden frames."""
        images, truth = self.val.images, self.val.truth
        answers = predict_all(engine, images)
        confidence = None
        if truth is not None:
            is_calibrated = card.familiarity or card.scores == "independent"
            confidence = fit_confidence(
                answers, truth, self.options.target_precision, is_calibrated=is_calibrated
            )
            card = replace(card, temperature=confidence.temperature, threshold=confidence.threshold)
        card = replace(card, golden=golden_frames(images, answers, engine, card, network_bytes))
        if truth is not None and self.originals is not None:
            candidates = demo_candidates(answers, truth, card, self.originals)
            card = replace(card, demo=demo_pictures(candidates, engine, card, network_bytes))
        return confidence, card


def _left_out(path: Path, failed: dict[Target, EdgeclsError]) -> Iterator[str]:
    """Each reason once, with the files that it is about."""
    names: dict[str, list[str]] = defaultdict(list)
    for target, error in failed.items():
        name = target.path_for(path).name
        names[str(error).removeprefix(f"{name}: ")].append(name)
    for reason, files in names.items():
        yield f"{', '.join(files)}: not written: {reason}; use the files of the other format"


def _card(target: Target, keras: KerasEngine, calibration: Calibration | None) -> ModelCard:
    original = keras.model.card
    sha256 = keras.model.sha256
    quantisation = None
    if target.kind == "int8" and calibration is not None:
        images, sha256_of_them = len(calibration.images), calibration.sha256
        quantisation = Quantisation("int8", images, sha256_of_them, calibration.fingerprints, METHODS[0])
    elif target.kind != "float32":
        quantisation = Quantisation(target.kind, 0, "")
    provenance = replace(original.provenance, weights_sha256=sha256)
    return replace(original, io=target.io, provenance=provenance, quantisation=quantisation)


def _with_choices(card: ModelCard, ladder: Int8Result | None) -> ModelCard:
    """Returns the card with what the ladder chose."""
    if ladder is None or card.quantisation is None:
        return card
    chosen = ladder.chosen
    quantised = replace(card.quantisation, ranges=chosen.ranges, float_layers=chosen.float_layers)
    return replace(card, quantisation=quantised)


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
