"""`edgecls train --address`: features of pictures on a real Ray cluster of two nodes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import psutil
import pytest

from edgecls.edge_runtime.images.opencv import cv2

from .nodes import LIMIT_S, until

pytest.importorskip("ray", reason="Ray is not installed: pip install 'edgecls[sweep]'")

PICTURES = 2 * 450


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Two classes: stripes down and across, in colours, with noise. Three pieces are for training."""
    random = np.random.default_rng(0)
    for number in range(PICTURES):
        wave = np.sin(np.arange(32) * random.uniform(0.4, 1.2) + random.uniform(0, 6))[:, np.newaxis]
        label, wave = ("across", wave) if number % 2 else ("down", wave.T)
        colour = random.uniform(30, 120, 3)
        image = 128 + wave[:, :, np.newaxis] * colour + random.normal(0, 10, (32, 32, 3))
        file = tmp_path / "stripes" / label / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(file), np.clip(image, 0, 255).astype(np.uint8))
    return tmp_path / "stripes"


def train(pictures: Path, output: str, *more: str) -> subprocess.Popen[str]:
    options = ("--imgsz", "32", "--recipe", "frozen", "--epochs", "2", "--output", output, *more)
    return subprocess.Popen(
        [sys.executable, "-m", "edgecls.cli", "train", "--data", str(pictures), *options],
        cwd=pictures.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def weights(file: Path) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    with h5py.File(file) as h5:
        h5["model_weights"].visititems(
            lambda name, item: found.update(
                {name: item[()].tobytes()} if isinstance(item, h5py.Dataset) else {}
            )
        )
    return found


def computing() -> list[psutil.Process]:
    """The Ray workers that compute a piece at this moment, and have loaded TensorFlow for it."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        title = (process.info["cmdline"] or [""])[0]
        if title.startswith("ray::") and "_of_piece" in title:
            found += [process] if any("tensorflow" in each.path for each in process.memory_maps()) else []
    return found


@pytest.mark.slow
def test_a_training_with_features_of_a_cluster_gives_the_same_model_though_a_worker_died(two_nodes, pictures):
    there = train(pictures, "there.h5", "--address", two_nodes.address)
    killed = until(computing, there)[0]
    os.kill(killed.pid, signal.SIGKILL)
    said, _ = there.communicate(timeout=5 * LIMIT_S)
    assert there.returncode == 0, said
    assert "lost its worker and was computed again" in said
    assert "raylet" not in said, "Ray's own words"
    here = train(pictures, "here.h5")
    said, _ = here.communicate(timeout=5 * LIMIT_S)
    assert here.returncode == 0, said
    assert weights(pictures.parent / "there.h5") == weights(pictures.parent / "here.h5")
