"""How accurate the frozen network is with few pictures: samples of the training pictures, in int8.

Each sample gets the recipe that `edgecls train` would take. What the network sees in a view of a picture is
computed once for all samples; everything else is done anew, to the answers of the int8 TFLite file.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, stdev

import numpy as np

from edgecls.data.backend import keras
from edgecls.data.load import Dataset, load_dataset
from edgecls.data.prepared.images import Images
from edgecls.data.split import Split
from edgecls.edge_runtime.engines.open import open_engine
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.models.card import ModelCard
from edgecls.edge_runtime.models.model_file import ModelFile, ModelFormat
from edgecls.edge_runtime.text_table import table
from edgecls.export.calibration import choose_calibration
from edgecls.export.parity import predict_all
from edgecls.export.targets import Target
from edgecls.trainer.features import Features, PictureView, ViewFeatures, view_features
from edgecls.trainer.frozen import fit_frozen
from edgecls.trainer.networks import Design, build
from edgecls.trainer.networks.design import ARCHITECTURES, Pixels
from edgecls.trainer.recipe import for_few_images, named_recipe

_CALIBRATION_IMAGES = 256
_VAL_SHARE = 0.2
"""Validation pictures of each class, as a share of the training pictures: as many as a user would have."""


@dataclass(frozen=True)
class SampleResult:
    """Accuracies on all test pictures, 0 to 1, of one sample."""

    keras: float
    int8: float


def measure_samples(
    data: str, arch: str, side_px: int, counts: tuple[int, ...], seeds: int, on_step: Callable[[str], None]
) -> Iterator[tuple[int, list[SampleResult]]]:
    """Yields for each count the results of its samples; a count that no class has is all pictures, once.

    Args:
        data: the path of class folders.
        arch: a pretrained network.
        side_px: of its input.
        counts: pictures of each class.
        seeds: samples of each count.
        on_step: called with what is being done.
    """
    rule = ImageRule(side_px, side_px, transparent="white", decode="reduced")
    dataset = load_dataset(data, rule, 0)
    network = build(Design(arch), side_px, side_px, len(dataset.labels))
    known = _KnownFeatures(view_features(Features(network, ARCHITECTURES[arch].pixels)), dataset)
    for count in counts:
        is_all = count >= np.bincount(dataset.train.truth).max()
        results: list[SampleResult] = []
        for seed in range(1 if is_all else seeds):
            chosen = _sample(dataset.train.truth, count, seed)
            val = _sample(dataset.val.truth, max(1, round(count * _VAL_SHARE)), seed)
            recipe = for_few_images(replace(named_recipe("frozen", arch), seed=0), len(chosen))
            part = replace(dataset, train=_part(dataset.train, chosen), val=_part(dataset.val, val))
            history, _ = fit_frozen(network, part, recipe, features=known.of(chosen, val))
            answers = _int8_answers(network, part, rule, ARCHITECTURES[arch].pixels)
            results.append(
                SampleResult(history[-1].test.accuracy, float((answers == part.test.truth).mean()))
            )
            on_step(f"{count} a class, sample {seed + 1}: {results[-1]}")
        yield count, results


def render_samples(results: list[tuple[int, list[SampleResult]]]) -> str:
    """Returns means and standard deviations over the samples as a table."""
    rows = [
        (
            f"{count:,}",
            str(len(found)),
            *(_spread([getattr(one, kind) for one in found]) for kind in ("keras", "int8")),
        )
        for count, found in results
    ]
    return table(("pictures a class", "samples", "Keras", "int8"), rows)


class _KnownFeatures:
    """Features of all pictures of a data set, each view computed when it is first asked for."""

    def __init__(self, compute: ViewFeatures, dataset: Dataset) -> None:
        self._compute, self._dataset = compute, dataset
        self._known: dict[tuple[str, PictureView], np.ndarray] = {}

    def of(self, train: np.ndarray, val: np.ndarray) -> ViewFeatures:
        """Returns a function that looks up the features of a sample, int (n,) of train and of val."""
        turns = iter((("train", train), ("val", val), ("test", np.arange(len(self._dataset.test)))))

        def look_up(_images: Images, view: PictureView, _done: Callable[[int], None]) -> np.ndarray:
            part, chosen = next(turns, ("train", train))
            key = part, view
            if key not in self._known:
                images = getattr(self._dataset, part).images
                self._known[key] = self._compute(images, view, lambda _: None)
            return self._known[key][chosen]

        return look_up


def _sample(truth: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Returns the places of so many pictures of each class, or of all that it has."""
    random = np.random.default_rng(seed)
    of_class = [random.permutation(np.flatnonzero(truth == label))[:count] for label in np.unique(truth)]
    return np.sort(np.concatenate(of_class))


def _part(split: Split, chosen: np.ndarray) -> Split:
    return Split(np.asarray(split.images[chosen]), split.truth[chosen])


def _int8_answers(network: keras.Model, part: Dataset, rule: ImageRule, pixels: Pixels) -> np.ndarray:
    """Returns the classes, int (n,), that the int8 TFLite file gives for the test pictures."""
    card = ModelCard(part.labels, rule, *pixels, io="float32")
    target = Target(ModelFormat.TFLITE, "int8")
    calibration = choose_calibration(part.train.images, part.train.truth, 0, _CALIBRATION_IMAGES)
    content = target.convert(network, card, calibration)
    file = ModelFile(Path("sample_int8.tflite"), target.format, content, replace(card, io="uint8"))
    with closing(open_engine(file)) as engine:
        return predict_all(engine, part.test.images).argmax(axis=1)


def _spread(values: list[float]) -> str:
    spread = f" +- {100 * stdev(values):.1f}" if len(values) > 1 else ""
    return f"{100 * mean(values):.1f} %{spread}"
