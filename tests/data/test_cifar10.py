import hashlib
import inspect
import io
import pickle
import socket
import tarfile
from pathlib import Path
from threading import Timer

import numpy as np
import pytest

from edgecls.data import cifar10, downloads
from edgecls.data.backend import keras
from edgecls.data.cifar10 import LABELS, download_cifar10, read_cifar10
from edgecls.data.load import load_dataset
from edgecls.edge_runtime.errors import BadData, MissingInput, Unavailable
from edgecls.edge_runtime.images.rule import ImageRule

RULE = ImageRule(32, 32)


class Bomb:
    """A pickle that leaves a file behind if anybody loads it."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self):
        return Path.touch, (self.canary,)


def batch(seed: int, count: int = 40) -> tuple[np.ndarray, bytes]:
    """Images, and the bytes of a batch with them, in the layout of the official ones."""
    images = np.random.default_rng(seed).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
    rows = images.transpose(0, 3, 1, 2).reshape(count, -1)
    labels = [number % 10 for number in range(count)]
    return images, pickle.dumps({b"data": rows, b"labels": labels})


@pytest.fixture
def batches(tmp_path, monkeypatch):
    """A folder like `cifar-10-batches-py`; only the table of official digests is replaced."""
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for table in (cifar10.TRAIN_BATCHES, cifar10.TEST_BATCHES):
        for name in table:
            _, content = batch(seed=len(name) + ord(name[-1]))
            (folder / name).write_bytes(content)
            monkeypatch.setitem(table, name, hashlib.md5(content, usedforsecurity=False).hexdigest())
    return folder


@pytest.fixture
def archive(batches, tmp_path, monkeypatch):
    path = tmp_path / "cifar-10-python.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        tar.add(batches, batches.name)
    monkeypatch.setattr(cifar10, "ARCHIVE_SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    return path


def test_the_archive_s_digest_is_the_one_that_keras_downloads_by():
    assert cifar10.ARCHIVE_SHA256 in inspect.getsource(keras.datasets.cifar10.load_data)


def test_the_folder_gives_its_images_in_rgb(batches):
    parts = read_cifar10(batches, RULE)
    images, _ = batch(seed=len("data_batch_1") + ord("1"))
    assert parts.labels == LABELS
    assert (parts.train.images[:40] == images).all()
    assert parts.train.truth.tolist() == [number % 10 for number in range(40)] * 5
    assert parts.test is not None
    assert len(parts.test) == 40


def test_the_archive_gives_what_its_folder_gives(archive, batches):
    assert (read_cifar10(archive, RULE).train.images == read_cifar10(batches, RULE).train.images).all()


def test_paths_to_either_are_recognised_and_called_by_name(archive, batches):
    digests = {load_dataset(str(path), RULE, 0).sha256 for path in (archive, batches, batches.parent)}
    assert len(digests) == 1
    assert load_dataset(str(archive), RULE, 0).name == "cifar10"


@pytest.mark.parametrize("name", ["data_batch_3", "test_batch"])
def test_a_batch_that_was_tampered_with_is_refused_and_its_code_does_not_run(batches, tmp_path, name):
    canary = tmp_path / "canary"
    (batches / name).write_bytes(pickle.dumps({b"data": Bomb(canary), b"labels": []}))
    with pytest.raises(BadData, match=rf"{name}: refused: not the official CIFAR-10 file"):
        read_cifar10(batches, RULE)
    assert not canary.exists()


def test_an_archive_that_was_tampered_with_is_refused_and_nothing_is_written(archive, tmp_path):
    canary = tmp_path / "canary"
    content = pickle.dumps(Bomb(canary))
    with tarfile.open(archive, "w:gz") as tar:
        for name in ("../evil", "/tmp/evil", "cifar-10-batches-py/data_batch_1"):  # noqa: S108
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(BadData, match=r"cifar-10-python.tar.gz: refused: not the official"):
        load_dataset(str(archive), RULE, 0)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_missing_batch_is_named(batches):
    (batches / "data_batch_4").unlink()
    with pytest.raises(MissingInput, match=r"data_batch_4: no such file"):
        read_cifar10(batches, RULE)


def test_a_huge_file_is_not_read(tmp_path):
    path = tmp_path / "big.tar.gz"
    with path.open("wb") as file:
        file.truncate(10**12)  # sparse
    with pytest.raises(BadData, match=r"1,000,000,000,000 bytes are too many"):
        read_cifar10(path, RULE)


def use_proxy(monkeypatch, tmp_path, port: int) -> None:
    """Lets Keras download through a port of ours, into a cache that is empty."""
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
    monkeypatch.setattr("urllib.request._opener", None)  # it remembers an earlier proxy
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path))


def test_without_a_network_the_error_names_three_ways_on(monkeypatch, tmp_path, capsys):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        use_proxy(monkeypatch, tmp_path, closed.getsockname()[1])
        with pytest.raises(Unavailable) as failed:
            download_cifar10(RULE)
    message = str(failed.value)
    assert message.startswith("CIFAR-10 cannot be downloaded: ")
    assert "\n" not in message
    for way in (
        "cifar-10-python.tar.gz on this machine and give --data PATH",
        "--data FOLDER",
        "--data digits",
    ):
        assert way in message
    assert capsys.readouterr().out == ""


def test_a_silent_server_is_given_up(monkeypatch, tmp_path):
    monkeypatch.setattr(downloads, "SILENCE_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        use_proxy(monkeypatch, tmp_path, silent.getsockname()[1])

        def hang_up() -> None:
            connection, _ = silent.accept()
            connection.close()

        ends = Timer(5, hang_up)  # so that this test fails and does not hang
        ends.start()
        with pytest.raises(Unavailable, match=r"timed out"):
            download_cifar10(RULE)
        ends.cancel()
    assert socket.getdefaulttimeout() is None
