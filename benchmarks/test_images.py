"""The test images that every file classifies, and checks of a file against them."""

import base64
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ..data.folders.litter import is_litter
from ..data.load import Dataset, load_dataset, load_unlabelled
from ..data.model_data import training_data
from ..data.overlap import equal_to
from ..data.prepared.images import joined, save_images, take
from ..data.split import stratified
from ..edge_runtime.errors import BadData, BadModel, CheckFailed, EdgeclsError, MissingInput, Unavailable
from ..edge_runtime.files import whole_file
from ..edge_runtime.images.decode import decode
from ..edge_runtime.images.opencv import cv2
from ..edge_runtime.images.prepare import prepare
from ..edge_runtime.models.builtin import builtin_name
from ..edge_runtime.models.model_file import ModelFile
from ..edge_runtime.text import expanded
from .file_report import DataReport
from .leaks import calibrated_on
from .model_files import ModelFiles, first_readable


@dataclass(frozen=True)
class HeldOut:
    """Test images, prepared for the network, with their classes."""

    name: str
    """The data set's."""
    sha256: str
    """The whole data set's."""
    labels: tuple[str, ...]
    images: np.ndarray
    """uint8 (N, H, W, 3) RGB."""
    truth: np.ndarray
    """int64 (N,)."""
    available: int
    """The size of the split that they are from."""
    apart_from: Mapping[str, np.ndarray] = field(default_factory=dict)
    """The other splits by name, uint8 (N, H, W, 3) RGB: none of their images should be among these."""
    left_out: int = 0
    """Test images that are also training or validation images, and are not among these."""
    doubts: tuple[str, ...] = ()
    """See `DataReport.doubts`."""
    unscored: str = ""
    """Why the classes are not known; then only times are measured, and `truth` means nothing."""

    @property
    def report(self) -> DataReport:
        """What a report says about them."""
        count, height_px, width_px, _ = self.images.shape
        return DataReport(
            self.name,
            self.sha256,
            count,
            self.available,
            len(self.labels),
            height_px,
            width_px,
            self.labels,
            self.unscored,
            self.left_out,
            None if self.unscored else len(np.unique(self.truth)),
            self.doubts,
        )

    def limited(self, count: int, seed: int) -> "HeldOut":
        """At most `count` of them, seeded, in their order, each class by its share."""
        if count >= len(self.truth):
            return self
        chosen = stratified(self.truth, count, seed)
        return replace(self, images=take(self.images, chosen), truth=self.truth[chosen])

    def write(self, folder: Path) -> "HeldOutFiles":
        """Writes all images, and the first one as a still without loss, into `folder`.

        Raises:
            OutputFailed, PermissionRefused: it cannot be written.
        """
        files = HeldOutFiles(folder / "images.npy", folder / "still.png", folder / "answers.npy")
        with whole_file(files.images) as beside:
            save_images(beside, self.images)
        with whole_file(files.still) as beside:
            cv2.imwrite(str(beside), np.ascontiguousarray(self.images[0][..., ::-1]))
        return files


@dataclass(frozen=True)
class HeldOutFiles:
    """The files through which the measuring processes and their parent exchange images and answers."""

    images: Path
    """.npy, uint8 (N, H, W, 3) RGB."""
    still: Path
    """The first of them, as a PNG."""
    answers: Path
    """.npy, float32 (N, C): written by the process that was asked last."""


# Checks of a file against the test images.


def check_scorable(model: ModelFile, tests: HeldOut) -> None:
    """Refuses a file that does not fit the test images, or was calibrated on some of them.

    Raises:
        BadModel: it has other labels, or takes another size.
        CheckFailed: it was calibrated on some of these images.
    """
    _check_question(model, tests)
    if not tests.unscored:
        _check_calibration(model, tests)


def check_finite(probabilities: np.ndarray, path: Path) -> np.ndarray:
    """Gives back the float32 (N, C) probabilities of the file at `path`.

    Raises:
        CheckFailed: there is NaN or infinity among them.
    """
    bad = int((~np.isfinite(probabilities).all(axis=1)).sum())
    if bad:
        raise CheckFailed(
            f"{path}: gave NaN or infinity for {bad:,} of {len(probabilities):,} images; export it again"
        )
    return probabilities


def _check_question(model: ModelFile, tests: HeldOut) -> None:
    """Refuses a file with other labels or another input size."""
    card = model.card
    if card.labels != tests.labels:
        raise BadModel(
            f"{model.path}: its labels ({_some(card.labels)}) are not those of {tests.name} "
            f"({_some(tests.labels)}); bench it by itself, on its own data set"
        )
    wanted, given = (card.image.height_px, card.image.width_px), tests.images.shape[1:3]
    if wanted != given:
        raise BadModel(
            f"{model.path}: takes {wanted[0]}x{wanted[1]} px, the test images are prepared as "
            f"{given[0]}x{given[1]} px; bench it by itself"
        )


def _check_calibration(model: ModelFile, tests: HeldOut) -> None:
    """Refuses to score a file on images that its quantisation has seen."""
    quantised = model.card.quantisation
    seen = calibrated_on(tests.images, quantised.calibration_prints) if quantised else ()
    if seen:
        raise CheckFailed(
            f"{model.path}: was calibrated on {len(seen):,} of these {len(tests.truth):,} test images; "
            "export it again from the model that was trained beside them"
        )


def _some(labels: tuple[str, ...]) -> str:
    return ", ".join(labels[:3]) + (", ..." if len(labels) > 3 else "")


# Where the images come from: test images, or on a device without them, other pictures to time.


def bench_images(paths: Sequence[Path], data: str | None, limit: int | None) -> "HeldOut":
    """Test images; where there are none, loose pictures of `data`, or the golden frames of a model's card.

    Args:
        paths: model files; the first one that can be read says what is asked.
        data: as `--data` takes it.
        limit: at most so many images.

    Raises:
        EdgeclsError: the data set that is named cannot be used, or there is no picture at all.
    """
    paths = ModelFiles.of(paths)
    model = first_readable(paths)
    try:
        return held_out_images(model, data, limit)
    except BadData:
        loose = _loose(model, expanded(data)) if data else None
        if loose is None:
            raise
        return loose.limited(limit, seed=0) if limit else loose
    except (MissingInput, Unavailable) as error:
        builtin = builtin_name(model.path)
        why = f"{builtin} comes without test images" if builtin else str(error)
        golden = None if data else _golden(paths, why)
        if golden is None:
            raise
        return golden.limited(limit, seed=0) if limit else golden


def _loose(model: "ModelFile", folder: Path) -> "HeldOut | None":
    """Pictures of a folder without class folders; None where it is something else.

    Their labels may be in a table or in their names; they count where the model knows all of them.
    """
    if not folder.is_dir() or any(entry.is_dir() and not is_litter(entry.name) for entry in folder.iterdir()):
        return None
    try:
        dataset = load_unlabelled(folder, model.card.image)
    except BadData:
        return None
    why = f"the pictures of {folder} are not in folders of their classes, such as cat/1.jpg and dog/1.jpg"
    with suppress(BadData):  # no labels anywhere
        labelled = load_dataset(str(folder), model.card.image, 0, labels=model.card.labels)
        if set(labelled.labels) <= set(model.card.labels):
            return _labelled(labelled, model)
        why = (
            f"the labels of {folder} ({_some(labelled.labels)}) are not the model's "
            f"({_some(model.card.labels)})"
        )
    return _unscored(dataset.name, dataset.sha256, model, dataset.test.images, why)


def _labelled(dataset: Dataset, model: ModelFile) -> HeldOut:
    """All images of another data set than the training's, their classes numbered as the model's."""
    parts = (dataset.train, dataset.val, dataset.test)
    numbers = np.array([model.card.labels.index(label) for label in dataset.labels])
    images = joined([part.images for part in parts])
    doubt = f"{dataset.name} is not the data set that the model was trained on"
    return HeldOut(
        dataset.name,
        dataset.sha256,
        model.card.labels,
        images,
        numbers[np.concatenate([part.truth for part in parts])],
        available=len(images),
        doubts=(*dataset.warnings, doubt),
    )


def golden_pictures(paths: Sequence[Path]) -> "tuple[ModelFile, list[np.ndarray]] | None":
    """The first file whose card has golden frames, and these, uint8 (H, W, 3) BGR."""
    files = ModelFiles.of(paths)
    for path in files:
        try:
            model = files.read(path)
            pictures = [
                decode(base64.b64decode(frame.picture), "golden frame") for frame in model.card.golden
            ]
        except EdgeclsError:  # its row of the report says so
            continue
        if pictures:
            return model, pictures
    return None


def _golden(paths: Sequence[Path], reason: str) -> "HeldOut | None":
    """Golden frames as the network sees them."""
    found = golden_pictures(paths)
    if found is None:
        return None
    model, pictures = found
    images = np.stack([prepare(picture, model.card.image) for picture in pictures])
    return _unscored(f"golden frames of {model.path.name}", "", model, images, reason)


def _unscored(name: str, sha256: str, model: "ModelFile", images: "np.ndarray", why: str) -> "HeldOut":

    truth = np.zeros(len(images), np.int64)
    return HeldOut(name, sha256, model.card.labels, images, truth, len(images), unscored=why)


def held_out_images(model: "ModelFile", data: str | None, limit: int | None) -> "HeldOut":
    """The test images of the data set that was named, or that the model was trained on.

    Raises:
        MissingInput: a built-in model has no data set here, and none is named.
        EdgeclsError: see `training_data`.
    """
    builtin = builtin_name(model.path)
    if builtin and data is None:
        raise MissingInput(f"{builtin} comes without test images; name a data set of its classes with --data")
    # The report of the training stands beside the .h5, which a device need not have.
    original = model.path.with_name(f"{model.path.stem.removesuffix('_int8')}.h5")
    dataset = training_data(original, model.card, data)
    test = dataset.test
    known = equal_to(test.images, dataset.train.images) | equal_to(test.images, dataset.val.images)
    if known.all():
        raise BadData(
            f"{dataset.name}: all {len(test):,} test images are also training or validation images; "
            "put other pictures into test/"
        )
    test = test.where(~known) if known.any() else test
    tests = HeldOut(
        dataset.name,
        dataset.sha256,
        dataset.labels,
        test.images,
        test.truth,
        available=len(test),
        apart_from={"training": dataset.train.images, "validation": dataset.val.images},
        left_out=int(known.sum()),
        doubts=dataset.warnings,
    )
    return tests.limited(limit, seed=0) if limit else tests
