"""Pictures that stand on two sides: test images that were trained on, and images of two classes."""

import hashlib
from collections.abc import Iterator, Mapping

import numpy as np

from .load import Dataset, Split
from .signatures import Signatures, nearest, signatures

_PAIRS = (("test", "train"), ("val", "train"), ("test", "val"))
_WORDS = {"train": "training", "val": "validation", "test": "test"}
_KINDS = (
    ("are also {} images", "accuracy is overstated: remove them from one of the two"),
    (
        "are near-duplicates of {} images, saved again, resized, or neighbours in a burst",
        "accuracy is probably overstated: remove them from one of the two",
    ),
    (
        "are mirrored near-duplicates of {} images",
        "accuracy is probably overstated: remove them from one of the two",
    ),
)


def overlap_warnings(dataset: Dataset) -> tuple[str, ...]:
    """Returns a line for each way in which pictures of files stand on two sides; see `Dataset.given`.

    Parts that were divided here are not compared: nothing equal is on two sides of them, and what is merely
    alike was said when they were divided.
    """
    return (*_between_parts(dataset), *_between_classes(dataset)) if dataset.files else ()


def equal_to(images: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Returns which images, uint8 (N, H, W, 3), are among the others with identical pixels; bool (N,)."""
    return np.isin(pixel_digests(images), pixel_digests(others))


def pixel_digests(images: np.ndarray) -> np.ndarray:
    """Returns a digest of each image's pixels, str (N,)."""
    return np.array([hashlib.blake2b(image.tobytes(), digest_size=16).hexdigest() for image in images])


def _between_parts(dataset: Dataset) -> Iterator[str]:
    splits = _splits(dataset)
    looks: dict[str, Signatures] = {}
    for part, other in _PAIRS:
        if not {part, other} & dataset.given:
            continue
        for name in (part, other):
            looks.setdefault(name, signatures(splits[name].images))
        mirrored = signatures(splits[part].images, mirrored=True)
        first_equal = dict(zip(pixel_digests(splits[other].images), range(len(splits[other])), strict=True))
        equal = np.array([first_equal.get(digest, -1) for digest in pixel_digests(splits[part].images)])
        left = np.ones(len(splits[part]), bool)
        found: list[list[tuple[int, int]]] = []
        for twins in (equal, nearest(looks[part], looks[other]), nearest(mirrored, looks[other])):
            places = np.flatnonzero(left & (twins >= 0))
            left[places] = False
            found.append([*zip(places.tolist(), twins[places].tolist(), strict=True)])
        files = dataset.files
        for pairs, (what, advice) in zip(found, _KINDS, strict=True):
            if pairs:
                place, twin = pairs[0]
                yield (
                    f"{_WORDS[part]} images that {what.format(_WORDS[other])}: {len(pairs):,} of "
                    f"{len(splits[part]):,}, such as {files[part][place]} and {files[other][twin]}; {advice}"
                )


def _between_classes(dataset: Dataset) -> Iterator[str]:
    """Names pictures that have two labels: one of them is wrong."""
    first: dict[str, tuple[int, str]] = {}
    contradictions: dict[str, tuple[str, str]] = {}
    for part, split in _splits(dataset).items():
        for digest, truth, file in zip(
            pixel_digests(split.images), split.truth, dataset.files[part], strict=True
        ):
            known, known_file = first.setdefault(digest, (int(truth), file))
            if known != truth:
                contradictions.setdefault(digest, (known_file, file))
    if contradictions:
        shown = ", ".join(f"{one} = {other}" for one, other in [*contradictions.values()][:3])
        yield f"images with two labels: {len(contradictions):,}, such as {shown}; remove the wrong ones"


def _splits(dataset: Dataset) -> Mapping[str, Split]:
    return {"train": dataset.train, "val": dataset.val, "test": dataset.test}
