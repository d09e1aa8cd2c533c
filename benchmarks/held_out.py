"""The test images that every file answers, handed to the measuring processes through files."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ..edge_runtime.files import whole_file
from ..edge_runtime.opencv import cv2
from .report import DataReport


@dataclass(frozen=True)
class HeldOut:
    """Prepared images that no training has seen, with the truth about them."""

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
    unscored: str = ""
    """Why these pictures, which times are measured with, have no classes; `truth` means nothing then."""

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
        )

    def limited(self, count: int, seed: int) -> "HeldOut":
        """At most `count` of them, seeded, in their order, each class by its share."""
        if count >= len(self.truth):
            return self
        chosen = stratified(self.truth, count, seed)
        return replace(self, images=self.images[chosen], truth=self.truth[chosen])

    def write(self, folder: Path) -> "HeldOutFiles":
        """Writes all images, and the first one as a still without loss, into `folder`.

        Raises:
            OutputFailed, PermissionRefused: it cannot be written.
        """
        files = HeldOutFiles(folder / "images.npy", folder / "still.png", folder / "answers.npy")
        with whole_file(files.images) as beside:
            np.save(beside, self.images)
        with whole_file(files.still) as beside:
            cv2.imwrite(str(beside), cv2.cvtColor(self.images[0], cv2.COLOR_RGB2BGR))
        return files


@dataclass(frozen=True)
class HeldOutFiles:
    """What the measuring processes and their parent hand to each other."""

    images: Path
    """.npy, uint8 (N, H, W, 3) RGB."""
    still: Path
    """The first of them, as a PNG."""
    answers: Path
    """.npy, float32 (N, C): written by the process that was asked last."""


def stratified(truth: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Sorted positions of `count` of the int64 (N,) truth, each class by its share to within one image."""
    shuffled = np.random.default_rng(seed).permutation(len(truth))
    place = np.empty(len(truth))  # of an image within its own class, 0 to 1
    for label in np.unique(truth):
        of_label = shuffled[truth[shuffled] == label]
        place[of_label] = (np.arange(len(of_label)) + 0.5) / len(of_label)
    return np.sort(shuffled[np.argsort(place[shuffled], kind="stable")][:count])
