"""Makes class folders for docs/results/own-pictures.md: `python stamp_pictures.py STAMPS PICTURES`.

STAMPS is the folder `usr/share/tuxpaint/stamps` of Debian's package tuxpaint-stamps-default: photographs and
drawings of things. Each is placed on tables of many colours and seen in bursts of five, as by a hand-held
camera, in pictures of three sizes. Not real photographs, but with what real ones have: bursts, uneven
classes, several sizes, and a background.
"""

import sys
from pathlib import Path

import cv2
import numpy as np

CLASSES = {
    "bird": "animals/birds",
    "flower": "plants/flowers",
    "fruit": "food/fruit",
    "tool": "household/tools",
    "background": "clothes",  # wrong things; empty tables are added
}
SIZES_PX = ((640, 480), (800, 600), (480, 640))  # (width, height)
PLACES, BURST = 4, 5


def table(width: int, height: int, random: np.random.Generator) -> np.ndarray:
    """An empty table in uneven light, float (height, width, 3)."""
    rough = random.uniform(40, 220, 3) + random.uniform(-30, 30, (3, 4, 3))
    return cv2.resize(rough, (width, height), interpolation=cv2.INTER_CUBIC)


def lay(scene: np.ndarray, thing: np.ndarray, side: float, x: float, y: float) -> np.ndarray:
    """The scene with a thing (H, W, 4) on it; its longer side and its centre are parts of the scene's."""
    height, width = scene.shape[:2]
    scale = side * min(height, width) / max(thing.shape[:2])
    move = np.array([[scale, 0, x * width], [0, scale, y * height]])
    move[:, 2] -= scale * np.array([thing.shape[1], thing.shape[0]]) / 2
    seen = cv2.warpAffine(thing, move, (width, height), flags=cv2.INTER_AREA).astype(float)
    opaque = seen[..., 3:] / 255
    return scene * (1 - opaque) + seen[..., :3] * opaque


def burst(thing: np.ndarray | None, random: np.random.Generator) -> list[np.ndarray]:
    """Pictures of one thing in one place, or of none, uint8 BGR."""
    width, height = SIZES_PX[random.integers(len(SIZES_PX))]
    scene, side, x, y = table(width, height, random), *random.uniform((0.5, 0.4, 0.4), (0.9, 0.6, 0.6))
    pictures = []
    for _ in range(BURST):
        shake_x, shake_y = random.normal(0, 0.004, 2)
        picture = scene if thing is None else lay(scene, thing, side, x + shake_x, y + shake_y)
        noise = random.normal(0, 4, picture.shape)
        pictures.append(np.clip(picture + noise, 0, 255).astype(np.uint8))
    return pictures


def main(stamps: Path, pictures: Path) -> None:
    random = np.random.default_rng(0)
    for label, folder in CLASSES.items():
        (pictures / label).mkdir(parents=True)
        files = sorted((stamps / folder).glob("*.png"))
        things: list[tuple[str, np.ndarray | None]] = []
        for file in files:
            thing = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
            if thing is not None and thing.ndim == 3 and thing.shape[2] == 4:
                things.append((file.stem, thing))
        if label == "background":
            things += [(f"empty{number}", None) for number in range(8)]
        for name, thing in things:
            for place in range(PLACES):
                for frame, picture in enumerate(burst(thing, random)):
                    file = pictures / label / f"{name}-{place}-{frame}.jpg"
                    cv2.imwrite(str(file), picture, [cv2.IMWRITE_JPEG_QUALITY, 85])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
