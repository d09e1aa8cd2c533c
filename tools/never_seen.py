"""How well exported files notice a class that was never seen in training: each is held back in turn.

The frozen backbone gets a logistic head on the other classes, and a familiarity, as `edgecls export` adds it;
nothing is fitted on the class held back. What counts is the int8 TFLite file, as a device runs it.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from edgecls.data.load import Dataset, load_dataset
from edgecls.data.split import Split
from edgecls.edge_runtime.engines.open import open_engine
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.models.card import ModelCard
from edgecls.edge_runtime.models.model_file import ModelFile, ModelFormat
from edgecls.edge_runtime.text_table import table
from edgecls.export.calibration import choose_calibration
from edgecls.export.confidence import fit_confidence
from edgecls.export.familiarity import with_familiarity
from edgecls.export.keras_file import KerasEngine
from edgecls.export.parity import predict_all
from edgecls.export.targets import Target
from edgecls.trainer.features import Features
from edgecls.trainer.networks import Design, build
from edgecls.trainer.networks.design import ARCHITECTURES

_STRENGTH = 0.03
"""Of the head: C of scikit-learn's logistic regression."""
_CALIBRATION_IMAGES = 256
_RESAMPLED = 200


@dataclass(frozen=True)
class HeldBack:
    """One class held back, and how well one int8 file noticed its pictures."""

    label: str
    pictures: int
    by_softmax: float
    """AUROC, 0 to 1, of Keras: how often its picture has a lower best probability than one of the others."""
    by_familiarity: float
    """The same for the int8 file, whose probabilities are multiplied by the familiarity."""
    interval: tuple[float, float]
    """95 % of `by_familiarity`, from resampled pictures."""
    rejected: float
    """The share of its pictures below the file's threshold, 0 to 1."""
    known_rejected: float
    """The share of the others' test pictures below it, 0 to 1."""


def hold_back_each(data: str, arch: str, side_px: int, on_step: Callable[[str], None]) -> Iterator[HeldBack]:
    """Yields the result for each class of a data set.

    Args:
        data: the path of class folders.
        arch: a pretrained network.
        side_px: of its input.
        on_step: called with what is being done.
    """
    dataset = load_dataset(data, ImageRule(side_px, side_px), 0)
    network = build(Design(arch), side_px, side_px, classes=2)
    features = Features(network, ARCHITECTURES[arch].pixels).of(dataset.train.images)
    for number, label in enumerate(dataset.labels):
        on_step(f"class {number + 1} of {len(dataset.labels)}: without {label}")
        yield _held_back(dataset, number, features, Design(arch))


def render(results: list[HeldBack]) -> str:
    """Returns the results as a table."""
    heads = ("never seen", "pictures", "AUROC, softmax", "AUROC", "95 %", "unknown", "unknown of known")
    rows = [
        (
            *(one.label, f"{one.pictures:,}", f"{one.by_softmax:.3f}", f"{one.by_familiarity:.3f}"),
            *(f"{one.interval[0]:.3f} to {one.interval[1]:.3f}", f"{one.rejected:.1%}"),
            f"{one.known_rejected:.1%}",
        )
        for one in results
    ]
    return table(heads, rows)


def _held_back(dataset: Dataset, number: int, features: np.ndarray, design: Design) -> HeldBack:
    train, val, test = (_without(split, number) for split in (dataset.train, dataset.val, dataset.test))
    labels = tuple(label for label in dataset.labels if label != dataset.labels[number])
    original = _trained(design, labels, features[dataset.train.truth != number], train)
    file, threshold = _int8_file(with_familiarity(original, train, val), train, val)
    splits = (dataset.train, dataset.val, dataset.test)
    unseen = np.concatenate([np.asarray(split.where(split.truth == number).images) for split in splits])
    with closing(open_engine(file)) as engine:
        known, unknown = predict_all(engine, test.images), predict_all(engine, unseen)
    best, best_unknown = known.max(1), unknown.max(1)
    return HeldBack(
        dataset.labels[number],
        len(unseen),
        _auroc(*(original.predict_batch(images).max(1) for images in (test.images, unseen))),
        _auroc(best, best_unknown),
        _interval(best, best_unknown),
        float((best_unknown < threshold).mean()),
        float((best < threshold).mean()),
    )


def _without(split: Split, number: int) -> Split:
    """The split without a class; the numbers of later classes move down."""
    kept = split.where(split.truth != number)
    return Split(np.asarray(kept.images), kept.truth - (kept.truth > number))


def _trained(design: Design, labels: tuple[str, ...], features: np.ndarray, train: Split) -> KerasEngine:
    head = LogisticRegression(C=_STRENGTH, max_iter=500).fit(features, train.truth)
    height_px, width_px = train.images.shape[1:3]
    network = build(design, height_px, width_px, len(labels))
    network.layers[-1].set_weights([head.coef_.T, head.intercept_])
    scale, offset = ARCHITECTURES[design.arch].pixels
    card = ModelCard(labels, ImageRule(height_px, width_px), scale, offset, io="float32")
    return KerasEngine((network, ModelFile(Path("held-back.h5"), ModelFormat.H5, b"", card)))


def _int8_file(original: KerasEngine, train: Split, val: Split) -> tuple[ModelFile, float]:
    """The int8 TFLite file of a network, and the threshold that is fitted for it."""
    target, card = Target(ModelFormat.TFLITE, "int8"), original.model.card
    calibration = choose_calibration(train.images, train.truth, 0, _CALIBRATION_IMAGES)
    content = target.convert(original.network, card, calibration)
    file = ModelFile(Path("held-back_int8.tflite"), target.format, content, replace(card, io="uint8"))
    with closing(open_engine(file)) as engine:
        of_val = predict_all(engine, val.images)
    return file, fit_confidence(of_val, val.truth, 0.95, is_calibrated=True).threshold


def _auroc(known: np.ndarray, unknown: np.ndarray) -> float:
    return float(roc_auc_score(np.repeat([1, 0], [len(known), len(unknown)]), np.append(known, unknown)))


def _interval(known: np.ndarray, unknown: np.ndarray) -> tuple[float, float]:
    rng = np.random.default_rng(0)
    found = [
        _auroc(rng.choice(known, len(known)), rng.choice(unknown, len(unknown))) for _ in range(_RESAMPLED)
    ]
    low, high = np.quantile(found, (0.025, 0.975))
    return float(low), float(high)
