"""CIFAR-10: through Keras, which downloads it once, or from the official files on this machine.

The official files are Python pickles, which run code when they are loaded: nothing is unpickled before its
checksum proves that it is the original.
"""

import hashlib
import io
import pickle
import tarfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ..edge_runtime.errors import BadData
from ..edge_runtime.files import read_whole
from ..edge_runtime.images.prepare import prepare
from ..edge_runtime.images.rule import ImageRule
from .archives.tar_file import first_name
from .downloads import downloading
from .split import Parts, Split

LABELS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
ARCHIVE_NAME = "cifar-10-python.tar.gz"
FOLDER_NAME = "cifar-10-batches-py"
ARCHIVE_SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
"""The checksum by which Keras downloads it."""
MAX_FILE_BYTES = 200_000_000
"""The limit for a file; the archive has 170,498,071 bytes."""
TRAIN_BATCHES = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
}
TEST_BATCHES = {"test_batch": "40351d587109b95175f43aff81a1287e"}
"""File names and MD5 checksums, as in torchvision. MD5 is enough here: it resists second preimages."""


def download_cifar10(rule: ImageRule) -> Parts:
    """Loads CIFAR-10 from Keras's cache; Keras downloads it first if it is not there.

    Raises:
        Unavailable: it cannot be downloaded; the message lists the alternatives.
    """
    from .backend import keras  # noqa: PLC0415 - slow to import, and not needed for files on this machine

    otherwise = (
        f"put {ARCHIVE_NAME} on this machine and give --data PATH, or use your own class folders with "
        "--data FOLDER, or the built-in --data digits"
    )
    with downloading("CIFAR-10", otherwise):
        train, test = keras.datasets.cifar10.load_data()
    return _parts([train], [test], rule)


def find_cifar10(path: Path) -> Path | None:
    """Returns the official archive, or its unpacked folder at or directly inside `path`; None if neither."""
    if path.is_file():
        is_it = path.name == ARCHIVE_NAME or first_name(path).startswith(FOLDER_NAME)
        return path if is_it else None
    folders = (path, path / FOLDER_NAME)
    return next(
        (folder for folder in folders if any((folder / name).exists() for name in TRAIN_BATCHES)), None
    )


def read_cifar10(path: Path, rule: ImageRule) -> Parts:
    """Reads CIFAR-10 from the official archive, or from the folder that was unpacked from it.

    Raises:
        BadData: a file is not byte for byte the original.
        MissingInput: a batch is missing.
    """
    batches = _read_folder(path) if path.is_dir() else _read_archive(path)
    return _parts([batches[name] for name in TRAIN_BATCHES], [batches[name] for name in TEST_BATCHES], rule)


def _read_archive(path: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    content = _read_limited(path)
    _check(path, hashlib.sha256(content).hexdigest(), ARCHIVE_SHA256)
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        files = {name: archive.extractfile(f"{FOLDER_NAME}/{name}") for name in TRAIN_BATCHES | TEST_BATCHES}
        return {name: _unpickle(file.read()) for name, file in files.items() if file}


def _read_folder(path: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    batches = {}
    for name, md5 in (TRAIN_BATCHES | TEST_BATCHES).items():
        content = _read_limited(path / name)
        _check(path / name, hashlib.md5(content, usedforsecurity=False).hexdigest(), md5)
        batches[name] = _unpickle(content)
    return batches


def _read_limited(path: Path) -> bytes:
    if path.is_file() and path.stat().st_size > MAX_FILE_BYTES:
        raise BadData(f"{path}: {path.stat().st_size:,} bytes are too many for CIFAR-10; download it again")
    return read_whole(path, MAX_FILE_BYTES)


def _check(path: Path, found: str, official: str) -> None:
    if found != official:
        raise BadData(
            f"{path}: refused: not the official CIFAR-10 file: checksum {found[:12]}..., expected "
            f"{official[:12]}...; download it again from https://www.cs.toronto.edu/~kriz/cifar.html"
        )


def _unpickle(content: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Returns images uint8 (N, 32, 32, 3) RGB and classes (N,); the caller has checked the bytes."""
    batch = pickle.loads(content, encoding="bytes")  # noqa: S301 - its checksum is the official one
    images = batch[b"data"].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return images, np.array(batch[b"labels"])


def _parts(train: Iterable, test: Iterable, rule: ImageRule) -> Parts:
    return Parts(LABELS, _split(train, rule), test=_split(test, rule))


def _split(batches: Iterable[tuple[np.ndarray, np.ndarray]], rule: ImageRule) -> Split:
    images, truth = (np.concatenate(arrays) for arrays in zip(*batches, strict=True))
    prepared = [prepare(np.ascontiguousarray(image[..., ::-1]), rule) for image in images]
    return Split(np.stack(prepared), truth.reshape(-1).astype(np.int64))
