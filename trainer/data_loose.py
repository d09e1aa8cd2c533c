"""Pictures without classes, to calibrate a network made elsewhere and to compare it on."""

from pathlib import Path

import numpy as np

from ..edge_runtime.errors import BadData, MissingInput
from ..edge_runtime.image import ImageRule
from .data_folders import open_folder
from .data_pictures import prepared
from .split import Split


def read_loose(folder: Path, rule: ImageRule) -> Split:
    """Reads every image of a folder and of those below it; all get the class 0, which means nothing.

    Raises:
        MissingInput: no such folder.
        BadData: there is no usable image in it.
        PermissionRefused: it cannot be listed.
    """
    if not folder.is_dir():
        raise MissingInput(f"{folder}: no such folder; name a folder of pictures")
    store = open_folder(folder)
    images = [image for image in prepared(store, rule, sorted(store.files)) if not isinstance(image, str)]
    if not images:
        raise BadData(
            f"{folder}: none of its {len(store.files):,} files is a usable image; add some pictures"
        )
    return Split(np.stack(images), np.zeros(len(images), np.int64))
