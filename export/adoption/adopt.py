"""Adopting a TFLite or ONNX file made elsewhere: from there on it is a file of edgecls.

How its pictures are prepared is found on pictures with known classes (`search.py`). The file gets a card that
says it, with labels, threshold and golden frames, and a seal; its network stays what it was.
"""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...data.intervals import Interval, share
from ...data.known_pictures import KnownPictures, check_pictures, read_known
from ...edge_runtime.engines.engine import start_engine
from ...edge_runtime.engines.open import open_engine, open_own_engine
from ...edge_runtime.engines.watched import watched
from ...edge_runtime.errors import BadData, BadModel, CheckFailed, Unavailable, UsageError
from ...edge_runtime.files import check_writable, write_whole
from ...edge_runtime.models.card import ModelCard, Provenance, Quantisation
from ...edge_runtime.models.golden import replay_golden
from ...edge_runtime.models.label_file import read_labels
from ...edge_runtime.models.model_file import (
    ModelFile,
    ModelFormat,
    attach_to_onnx,
    attach_to_tflite,
    model_format,
    read_card,
)
from ...edge_runtime.models.passed import remember
from ..golden import golden_frames
from ..parity import predict_all
from .network import is_quantised, split_tflite, with_one_output, with_one_size
from .preparations import Preparation, crops
from .search import Found, Search
from .stranger import Stranger, StrangerOptions, read_stranger

if TYPE_CHECKING:
    from ..confidence import Confidence

MOST_PICTURES = 500
"""One half for the search, the threshold and the temperature, the other for the accuracy."""
_FEW = 40
"""Pictures under which they are not divided, and no threshold is fitted."""
_PRECISION = 0.95
"""Share of the answers that should be right at the threshold, as `edgecls export` has it."""
_SAME = 1e-5


@dataclass(frozen=True)
class AdoptOptions:
    """What to adopt, and what is known about it."""

    stranger: StrangerOptions
    data: str
    output: Path | None = None
    """The file to write; None: beside the original, `their_edgecls.onnx`."""
    reorder: bool = False
    """Take the labels in the order that the pictures show."""
    force: bool = False
    """Write over a file that is no adopted one."""


@dataclass(frozen=True)
class Adoption:
    """The result: a file, or the reason why there is none."""

    found: Found
    pictures: KnownPictures
    labels: tuple[str, ...]
    path: Path | None
    """What was written; None where the file was refused."""
    refusal: str = ""
    accuracy: float = 0.0
    """Of the file, on `judged` pictures."""
    interval: Interval | None = None
    judged: int = 0
    fitted: int = 0
    """Pictures that chose the preparation and fitted the threshold; all of them where there are few."""
    confidence: "Confidence | None" = None
    notes: tuple[str, ...] = ()


def run_adopt(
    options: AdoptOptions,
    on_step: Callable[[str], None] = lambda _: None,
    on_warning: Callable[[str], None] = lambda _: None,
) -> Adoption:
    """Finds how a file's pictures are prepared, and writes a file of edgecls with the same network.

    Raises:
        UsageError: options contradict each other, or edgecls made the file.
        BadModel: it cannot be run.
        BadData: the pictures cannot be used.
        CheckFailed: the file that was made does not answer as the original; nothing is written.
        MissingInput, OutputFailed, PermissionRefused: something is not there, or cannot be written.
    """
    check_installed()
    path = options.stranger.labels
    check_pictures(options.data, read_labels(path) if path else None)
    on_step("trying out the network")
    stranger = read_stranger(options.stranger, on_warning)
    target = _target(options, stranger)
    on_step("reading pictures")
    pictures = read_known(options.data, stranger.labels, crops(stranger.known), MOST_PICTURES)
    chosen = _halves(pictures.truth)
    labels = stranger.labels
    used = pictures.where(chosen)
    found = Search(stranger.known, used, labels, _answers_of(stranger), on_step).run()
    if options.reorder and found.order and (names := found.order.reordered(labels)):
        pictures, labels = _relabelled(pictures, labels, names), names
        stranger = replace(stranger, labels=names)
        used = pictures.where(chosen)
        found = Search(stranger.known, used, labels, _answers_of(stranger), on_step).run()
    if found.chosen.failure:
        raise BadModel(found.chosen.failure)
    refusal = refusal_of(options, found, pictures)
    if refusal:
        return Adoption(found, pictures, labels, None, refusal)
    return _Writing(stranger, found, pictures, chosen, target, on_step).adopted()


def check_installed() -> None:
    """Refuses at once where a library is missing that is needed at the end.

    Raises:
        Unavailable: scipy or scikit-learn is not installed, as on a device.
    """
    missing = [package for package in ("scipy", "sklearn") if find_spec(package) is None]
    if missing:
        raise Unavailable(f'adopt is for a workstation (no {missing[0]}); run `pip install "edgecls[train]"`')


def _target(options: AdoptOptions, stranger: Stranger) -> Path:
    """Returns the path to write, checked before any work.

    Raises:
        UsageError: a file is there that is no adopted one; or it is the original.
    """
    original = stranger.file.path
    path = options.output or original.with_name(f"{original.stem}_edgecls.{stranger.file.format}")
    if path.exists():
        if path.samefile(original):
            raise UsageError(f"{path}: is the file to adopt; name another one with --to")
        if not options.force and not _is_adopted(path):
            raise UsageError(
                f"{path}: exists, and adopt did not make it; name another with --to, or add --force"
            )
    check_writable(path)
    return path


def _is_adopted(path: Path) -> bool:
    content = path.read_bytes()
    try:
        card = read_card(content, model_format(content, str(path)), str(path))
    except BadData:
        return False
    return card is not None and card.provenance.is_adopted


def _answers_of(stranger: Stranger) -> Callable[[Preparation, np.ndarray], np.ndarray]:
    """Returns what runs the network, which has passed its trial, with any preparation."""

    def answer(preparation: Preparation, images: np.ndarray) -> np.ndarray:
        model = stranger.with_card(_prepared_card(stranger, preparation))
        with (
            closing(start_engine(model)) as engine,
            watched(engine, model.path, model.size_bytes) as watching,
        ):
            return predict_all(watching, images)

    return answer


def _prepared_card(stranger: Stranger, preparation: Preparation) -> ModelCard:
    scaling = preparation.scaling
    return replace(
        stranger.file.card,
        labels=stranger.labels,
        image=preparation.rule,
        scale=scaling.scale,
        offset=scaling.offset,
    )


def _halves(truth: np.ndarray) -> np.ndarray:
    """Returns bool (N,): every other picture of each class; all of them where there are few."""
    chosen = np.ones(len(truth), bool)
    if len(truth) >= _FEW:
        for label in np.unique(truth):
            chosen[np.flatnonzero(truth == label)[1::2]] = False
    return chosen


def _relabelled(pictures: KnownPictures, labels: tuple[str, ...], names: tuple[str, ...]) -> KnownPictures:
    numbers = np.array([names.index(label) for label in labels])
    return replace(pictures, truth=numbers[pictures.truth])


def refusal_of(options: AdoptOptions, found: Found, pictures: KnownPictures) -> str:
    """Returns why the file is not adopted; empty if it is."""
    name = options.stranger.model
    if found.order is not None:
        names = found.order.reordered(found.labels)
        right, given = found.order.right.mean(), found.chosen.accuracy
        what = (
            f"{name}: the labels are in another order: {right:.0%} of the answers are right, not {given:.0%}"
        )
        if names is None:
            without = pictures.classes
            return f"{what}; add pictures of each label (only {without} of {len(found.labels)} have some)"
        shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
        return f"{what}, with {shown}; add --reorder to take this order, or correct the labels"
    if found.is_by_chance:
        count = len({tried.preparation for tried in found.tried})
        return (
            f"{name}: of {count} ways to prepare a picture, none is better than chance (best: "
            f"{found.chosen.accuracy:.0%} of {found.chosen.seen} pictures); check that the labels and the "
            "pictures are this network's, or give its preparation with --scale, --mean, --std, --channels"
        )
    return ""


_SHOWN = 10


@dataclass(frozen=True)
class _Writing:
    """Makes the file, once its preparation is found."""

    stranger: Stranger
    found: Found
    pictures: KnownPictures
    chosen: np.ndarray
    """bool (N,): the pictures of the search."""
    target: Path
    on_step: Callable[[str], None]

    def adopted(self) -> Adoption:
        """Writes the file, after it has shown that it answers as the original does."""
        self.on_step("fitting the threshold")
        preparation = self.found.chosen.preparation
        images, truth = self._images(preparation), self.pictures.truth
        is_divided = not self.chosen.all()
        fitted = self.found.chosen.probabilities
        answers = _answers_of(self.stranger)
        judged = answers(preparation, images[~self.chosen]) if is_divided else fitted
        right = judged.argmax(1) == truth[~self.chosen if is_divided else self.chosen]
        accuracy = float(right.mean())
        confidence, card = self._fitted(preparation, fitted, truth[self.chosen], accuracy, len(right))
        self.on_step("making the file")
        model = self._made(card, images[self.chosen], fitted)
        write_whole(self.target, model.content)
        remember(model.sha256, "run", "inspect")
        return Adoption(
            self.found,
            self.pictures,
            self.stranger.labels,
            self.target,
            accuracy=accuracy,
            interval=share(int(right.sum()), len(right)),
            judged=len(right),
            fitted=len(fitted),
            confidence=confidence,
            notes=self.stranger.notes,
        )

    def _images(self, preparation: Preparation) -> np.ndarray:
        rule = preparation.rule
        if rule.channels == "bgr":
            return self.pictures.images[replace(rule, channels="rgb")][..., ::-1]
        return self.pictures.images[rule]

    def _fitted(
        self, preparation: Preparation, fitted: np.ndarray, truth: np.ndarray, accuracy: float, judged: int
    ) -> tuple["Confidence | None", ModelCard]:
        """Returns the threshold and temperature, and the card with them, without golden frames."""
        stranger, pictures = self.stranger, self.pictures
        card = _prepared_card(stranger, preparation)
        confidence = None
        note = f"not fitted: only {len(truth)} pictures"
        if len(pictures) >= _FEW:
            from ..confidence import fit_confidence  # noqa: PLC0415 - scikit-learn, after what is refused

            is_calibrated = card.scores == "independent"
            confidence = fit_confidence(fitted, truth, _PRECISION, is_calibrated=is_calibrated)
            card = replace(card, temperature=confidence.temperature, threshold=confidence.threshold)
            note = f"fitted by adopt on {len(truth)} pictures"
        provenance = Provenance(
            data=pictures.name,
            recipe={"adopted_from": stranger.file.path.name, "adopted_sha256": stranger.file.sha256},
            accuracy=accuracy,
            split=pictures.part,
            images=judged,
        )
        card = replace(card, provenance=provenance, threshold_note=note, output="")
        if is_quantised(stranger.file.content, stranger.file.format, stranger.operators):
            card = replace(card, quantisation=Quantisation("int8", 0, ""))
        return confidence, card

    def _made(self, card: ModelCard, images: np.ndarray, answers: np.ndarray) -> ModelFile:
        """Returns the whole file, opened and verified.

        Raises:
            CheckFailed: it does not answer as the original does.
        """
        original = self.stranger.file
        format_, name = original.format, str(self.target)
        beside: dict[str, bytes] = {}
        network = self.stranger.file.content
        if format_ is ModelFormat.TFLITE:
            network, beside = split_tflite(network)
        size_px = card.image.height_px, card.image.width_px
        network = with_one_size(network, format_, size_px, name)
        network = with_one_output(network, format_, self.stranger.output_number, name)
        first = self._file(network, beside, card)
        is_same = network == original.content or original.content.startswith(network)
        opened = open_own_engine(first) if is_same else open_engine(first)
        with closing(opened) as engine, watched(engine, name, first.size_bytes) as watching:
            same = predict_all(watching, images[:8])
            if not np.abs(same - answers[:8]).max() <= _SAME:
                raise CheckFailed(
                    f"{name}: does not answer as {original.path} does, so nothing was written; report it"
                )
            golden = golden_frames(images, answers, watching, card, len(network))
        model = self._file(network, beside, replace(card, golden=golden))
        with closing(open_own_engine(model)) as engine:
            if not all(result.holds for result in replay_golden(engine, model.card)):
                raise CheckFailed(
                    f"{name}: does not answer twice alike, so nothing was written; report this file"
                )
        return model

    def _file(self, network: bytes, beside: dict[str, bytes], card: ModelCard) -> ModelFile:
        is_tflite = self.stranger.file.format is ModelFormat.TFLITE
        content = attach_to_tflite(network, card, beside) if is_tflite else attach_to_onnx(network, card)
        return ModelFile(self.target, self.stranger.file.format, content, card)
