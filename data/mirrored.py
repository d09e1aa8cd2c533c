"""Classes that are each other's mirror, such as left and right: there, a mirrored image has another label."""

import re
from itertools import combinations

import numpy as np

from ..edge_runtime.images.opencv import cv2
from .load import Dataset

_OPPOSITES = (
    ("left", "right"),
    ("l", "r"),
    ("east", "west"),
    ("clockwise", "counterclockwise"),
    ("clockwise", "anticlockwise"),
    ("links", "rechts"),
    ("gauche", "droite"),
    ("izquierda", "derecha"),
    ("sinistra", "destra"),
)
_SIGNS = (("b", "d"), ("p", "q"), ("<", ">"), ("(", ")"), ("[", "]"), ("/", "\\"))
_FEWEST_SIGNS = 3
_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def mirrored_by_name(labels: tuple[str, ...]) -> tuple[str, str] | None:
    """Returns two labels that say that a mirrored image is of another class, or None.

    Left and right in several languages, digits and letters.
    """
    plain = {_plain(label): label for label in labels}
    for one, other in _SIGNS:
        if one in plain and other in plain:
            return plain[one], plain[other]
    signs = [label for label in labels if re.fullmatch(r"[0-9]|[^\W\d_]", label) or _plain(label) in _WORDS]
    if len(signs) == len(labels) >= _FEWEST_SIGNS:
        return signs[0], signs[1]
    for one, other in _OPPOSITES:
        for name, label in plain.items():
            swapped = " ".join(other if word == one else word for word in name.split())
            if swapped != name and swapped in plain:
                return label, plain[swapped]
    return None


def _plain(label: str) -> str:
    """Returns `turn left` for `Turn_Left` and `turnLeft`."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", label)
    return " ".join(re.sub(r"[_\-.]", " ", words).casefold().split())


def mirror_pair(dataset: Dataset) -> tuple[str, str] | None:
    """Returns two labels of a data set of which mirrored images of one are images of the other, or None."""
    if named := mirrored_by_name(dataset.labels):
        return named
    found = mirrored_by_looks(dataset.train.images, dataset.train.truth, len(dataset.labels))
    return (dataset.labels[found[0]], dataset.labels[found[1]]) if found else None


_FEWEST_IMAGES = 20
_MOST_IMAGES = 200
"""Of a class: enough for a mean."""
_SIDE = 12
_NEAR = 0.4
"""A mirrored class is another one if it differs from that by this share of what it does from itself,"""
_LEAST_DIFFERENCE = 1.5
"""and if that is this multiple of what chance makes: photographs have 0.9 at most, arrows 3, digits 50."""


def mirrored_by_looks(images: np.ndarray, truth: np.ndarray, classes: int) -> tuple[int, int] | None:
    """Returns two classes of which each looks like the other's mirror image, on average; None without one.

    Args:
        images: uint8 (N, H, W, 3) RGB.
        truth: int (N,), their classes.
        classes: how many there are.
    """
    means: list[tuple[np.ndarray, np.ndarray, float] | None] = []
    for index in range(classes):
        chosen = np.flatnonzero(truth == index)[:_MOST_IMAGES]
        if len(chosen) < _FEWEST_IMAGES:
            means.append(None)
            continue
        plain = np.stack([_edges(image) for image in images[chosen]])
        mirrored = np.stack([_edges(np.ascontiguousarray(image[:, ::-1])) for image in images[chosen]])
        means.append((plain.mean(0), mirrored.mean(0), float(plain.var(0).sum()) / len(chosen)))
    for one, other in combinations(range(classes), 2):
        if (first := means[one]) and (second := means[other]):
            chance = first[2] + second[2]
            own = [_squared(mean, mirror) for mean, mirror, _ in (first, second)]
            across = [_squared(first[1], second[0]), _squared(second[1], first[0])]
            if min(own) > _LEAST_DIFFERENCE * chance and max(across) - chance < _NEAR * (min(own) - chance):
                return one, other
    return None


def _squared(one: np.ndarray, other: np.ndarray) -> float:
    return float(((one - other) ** 2).sum())


def _edges(image: np.ndarray) -> np.ndarray:
    """Returns how strong edges are in each place, upright and across, whatever the colours; float32."""
    side = 2 * _SIDE
    grey = image if image.shape[2] == 1 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    grey = cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA)
    right, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    # The product tells rising edges from falling ones: mirrored, it changes its sign.
    maps = np.stack([np.abs(right), np.abs(down), right * down / (np.hypot(right, down) + 1e-3)], axis=2)
    small = cv2.resize(maps, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    return (small / (np.linalg.norm(small) + 1e-6)).ravel()
