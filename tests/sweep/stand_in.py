"""Stands in for the `edgecls` command in trials: leaves the same files and reports, without TensorFlow.

`python stand_in.py train ... --output NAME.h5` and `python stand_in.py export NAME.h5 ...`. What it makes
depends on the options alone. `--arch broken` is an error of edgecls, `--arch killed` dies of a signal, and
`--arch patient` trains until there is a file `go` in the folder STAND_IN_NOTES. There each training leaves a
file NAME.PROCESS with the process that started it.
"""

import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path

_IMAGES = 1000


def train(arguments: list[str]) -> None:
    options = dict(zip(arguments[::2], arguments[1::2], strict=False))
    name, arch = options["--output"].removesuffix(".h5"), options["--arch"]
    print("training:", *arguments)
    notes = Path(os.environ.get("STAND_IN_NOTES", "."))
    (notes / f".{name}").write_text(str(os.getppid()))
    (notes / f".{name}").rename(notes / f"{name}.{os.getpid()}")
    if arch == "broken":
        sys.exit(_error("digits: no such thing; think again", 65))
    if arch == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    while arch == "patient" and not (notes / "go").exists():
        time.sleep(0.02)
    report = {"epochs_done": 1, "data_sha256": "d" * 64, "val_images": _IMAGES, "test_images": _IMAGES}
    Path(name).mkdir(exist_ok=True)
    Path(name, "report.json").write_text(json.dumps({**report, "versions": {"keras": "3"}}))
    Path(f"{name}.h5").write_text(" ".join(arguments))


def export(arguments: list[str]) -> None:
    name = arguments[0].removesuffix(".h5")
    right = int(hashlib.sha256(name.encode()).hexdigest(), 16) % _IMAGES
    reports = []
    for suffix in (".tflite", "_int8.tflite", "_int8.onnx"):
        Path(f"{name}{suffix}").write_text(Path(f"{name}.h5").read_text() + suffix)
        accuracy = {"accuracy": right / _IMAGES}
        reports.append({"parity": {"file": f"{name}{suffix}", **accuracy}, "confidence": accuracy})
    Path("export.json").write_text(json.dumps(reports))


def _error(text: str, code: int) -> int:
    print(f"edgecls: error: {text}", file=sys.stderr)
    return code


if __name__ == "__main__":
    {"train": train, "export": export}[sys.argv[1]](sys.argv[2:])
