"""The environments that files are made in: each tool in the version that wrote many people's files."""

import os
import subprocess
import sys
import venv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

_TOOLS = Path(__file__).parent.parent


class Environment(NamedTuple):
    """What to install, and which makers run there."""

    packages: Sequence[str]
    makers: Sequence[str]
    alone: Sequence[str] = ()
    """Packages that are installed without what they ask for, such as builds for graphics cards."""


ENVIRONMENTS = {
    "here": Environment((), ("keras_files", "tflite_files")),
    "tensorflow-2.12": Environment(
        ("tensorflow-cpu==2.12.0", "numpy<1.24", "tflite-support==0.4.4"), ("keras_files", "metadata_files")
    ),
    "tensorflow-2.15": Environment(("tensorflow-cpu==2.15.1", "numpy<2"), ("keras_files",)),
    "torch": Environment(
        (
            *("torch==2.13.0", "onnx", "onnxscript", "onnxruntime", "scikit-learn", "skl2onnx", "pyyaml"),
            *("safetensors", "opencv-python-headless", "psutil", "requests", "polars", "matplotlib", "scipy"),
        ),
        ("torch_files", "ultralytics_files", "other_files"),
        ("torchvision==0.28.0", "timm", "huggingface_hub", "ultralytics", "ultralytics-thop"),
    ),
}
"""TensorFlow 2.12 and 2.15 need Python 3.11."""


def set_up(folder: Path, on_step: Callable[[str], None]) -> None:
    """Installs what is not there yet; some minutes and 8 GB.

    Raises:
        subprocess.CalledProcessError: pip could not.
    """
    for name, wanted in ENVIRONMENTS.items():
        place = folder / name
        if name == "here" or (place / ".complete").exists():
            continue
        on_step(f"installing {name}")
        venv.create(place, with_pip=True)
        pip = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, "pillow", *wanted.packages], check=True)
        if wanted.alone:
            subprocess.run([*pip, "--no-deps", *wanted.alone], check=True)
        (place / ".complete").touch()


def make_files(environments: Path, folder: Path, only: Sequence[str], on_step: Callable[[str], None]) -> None:
    """Runs all makers, one after the other; a file that its tool cannot make is named, and left out."""
    for name, wanted in ENVIRONMENTS.items():
        python = sys.executable if name == "here" else str(environments / name / "bin" / "python")
        for maker in wanted.makers:
            on_step(f"{maker} in {name}")
            subprocess.run(
                [python, "-m", f"strangers.makers.{maker}", str(folder.absolute()), *only],
                cwd=_TOOLS,
                env={**os.environ, "PYTHONPATH": str(_TOOLS), "YOLO_CONFIG_DIR": str(environments)},
                stdout=subprocess.DEVNULL,
                check=True,
            )
