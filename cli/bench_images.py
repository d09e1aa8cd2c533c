"""What a benchmark asks: test images, or on a device without them, pictures to measure times with."""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..edge_runtime.errors import BadData, EdgeclsError, MissingInput, Unavailable

if TYPE_CHECKING:
    import numpy as np

    from ..benchmarks.held_out import HeldOut
    from ..edge_runtime.model_file import ModelFile


def bench_images(paths: Sequence[Path], data: str | None, limit: int | None) -> "HeldOut":
    """Test images; where there are none, loose pictures of `data`, or the golden frames of a model's card.

    Args:
        paths: model files; the first one that can be read says what is asked.
        data: as `--data` takes it.
        limit: at most so many images.

    Raises:
        EdgeclsError: the data set that is named cannot be used, or there is no picture at all.
    """
    from ..benchmarks.model_files import first_readable
    from ..edge_runtime.boxed import boxed_name
    from .bench import held_out_images

    model = first_readable(paths)
    try:
        return held_out_images(model, data, limit)
    except BadData:
        loose = _loose(model, Path(data).expanduser()) if data else None
        if loose is None:
            raise
        return loose
    except (MissingInput, Unavailable) as error:
        boxed = boxed_name(model.path)
        why = f"{boxed} comes without test pictures" if boxed else str(error)
        golden = None if data else _golden(paths, why)
        if golden is None:
            raise
        return golden


def _loose(model: "ModelFile", folder: Path) -> "HeldOut | None":
    """Pictures of a folder without class folders; None where it is something else."""
    from ..trainer.data import load_loose

    if not folder.is_dir() or any(entry.is_dir() for entry in folder.iterdir()):
        return None
    try:
        dataset = load_loose(folder, model.card.image)
    except BadData:
        return None
    why = f"the pictures of {folder} are not in folders of their classes, such as cat/1.jpg and dog/1.jpg"
    return _unscored(dataset.name, dataset.sha256, model, dataset.test.images, why)


def golden_pictures(paths: Sequence[Path]) -> "tuple[ModelFile, list[np.ndarray]] | None":
    """The first file whose card has golden frames, and these, uint8 (H, W, 3) BGR."""
    from ..edge_runtime.image import decode
    from ..edge_runtime.model_file import read_model

    for path in paths:
        try:
            model = read_model(path)
            pictures = [
                decode(base64.b64decode(frame.picture), "golden frame") for frame in model.card.golden
            ]
        except EdgeclsError:  # a row of the report tells
            continue
        if pictures:
            return model, pictures
    return None


def _golden(paths: Sequence[Path], reason: str) -> "HeldOut | None":
    """Golden frames as the network sees them."""
    import numpy as np

    from ..edge_runtime.image import prepare

    found = golden_pictures(paths)
    if found is None:
        return None
    model, pictures = found
    images = np.stack([prepare(picture, model.card.image) for picture in pictures])
    return _unscored(f"golden frames of {model.path.name}", "", model, images, reason)


def _unscored(name: str, sha256: str, model: "ModelFile", images: "np.ndarray", why: str) -> "HeldOut":
    import numpy as np

    from ..benchmarks.held_out import HeldOut

    truth = np.zeros(len(images), np.int64)
    return HeldOut(name, sha256, model.card.labels, images, truth, len(images), unscored=why)
