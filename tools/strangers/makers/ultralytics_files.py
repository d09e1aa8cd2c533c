"""Makes ONNX files with Ultralytics' own export of a classifier."""

import shutil
import sys
from pathlib import Path

import numpy as np
import torch
import ultralytics
from ultralytics import YOLO
from ultralytics.nn.tasks import ClassificationModel

from .given import FIT_CELLS, LABELS, TEST_CELLS, Corpus
from .torch_files import fit, seen  # first: it lets torchvision be imported beside a CPU build


def small():
    """Returns YOLO11's classifier, narrower: the layers of its own file, a sixteenth as wide."""
    network = {
        "nc": 3,
        "scales": {"n": [0.5, 0.125, 512]},
        "scale": "n",
        "backbone": [
            [-1, 1, "Conv", [64, 3, 2]],
            [-1, 1, "Conv", [128, 3, 2]],
            [-1, 2, "C3k2", [256, False, 0.25]],
            [-1, 1, "Conv", [256, 3, 2]],
            [-1, 2, "C3k2", [512, False, 0.25]],
            [-1, 1, "Conv", [512, 3, 2]],
            [-1, 2, "C3k2", [512, True]],
            [-1, 2, "C2PSA", [1024]],
        ],
        "head": [[-1, 1, "Classify", ["nc"]]],
    }
    return ClassificationModel(network, ch=3, nc=3, verbose=False)


def main(folder: Path, only: list):
    corpus = Corpus(folder, "onnx-ultralytics", f"Ultralytics {ultralytics.__version__}", only)
    for name, options in {
        "yolo_cls": {},
        "yolo_cls_dynamic": {"dynamic": True},
        "yolo_cls_half": {"half": True},
    }.items():

        def make(name=name, options=options):
            torch.manual_seed(5)
            network = small()
            network.names = dict(enumerate(LABELS))
            network.eval()
            inputs = seen(FIT_CELLS, 64)
            fit(_Scores(network), inputs)
            with torch.no_grad():
                answers = network(torch.tensor(seen(TEST_CELLS, 64)))
            answers = answers[0] if isinstance(answers, (tuple, list)) else answers
            yolo = YOLO("yolo11n-cls.yaml", task="classify")
            yolo.model = network
            network.args = {"imgsz": 64, "task": "classify", "data": None}
            yolo.overrides = {"task": "classify", "data": None, "imgsz": 64}
            network.task, network.stride = "classify", torch.tensor([32.0])
            network.pt_path = str(corpus.path(f"{name}.pt"))
            network.yaml_file = f"{name}.yaml"
            made = Path(yolo.export(format="onnx", imgsz=64, opset=17, simplify=False, **options))
            target = corpus.path(f"{name}.onnx")
            if made.resolve() != target.resolve():
                shutil.move(str(made), target)
            corpus.add(
                f"{name}.onnx",
                "tools",
                np.asarray(answers),
                tolerance=1e-2 if "half" in options else 1e-4,
                options=["--scale", "0..1", *(["--imgsz", "64"] if "dynamic" in options else [])],
            )

        corpus.attempt(f"{name}.onnx", make)


class _Scores(torch.nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        scores = self.network(x)
        return scores[0] if isinstance(scores, (tuple, list)) else scores


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
