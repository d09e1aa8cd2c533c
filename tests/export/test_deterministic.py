import os
import subprocess
import sys
from pathlib import Path

import pytest

MAKE_ALL = """
import hashlib, sys
from edgecls.export import onnx, onnx_int8, tflite, tflite_int8
from edgecls.export.calibration import Calibration

sys.path.insert(0, sys.argv[1])
from networks import CARD, IMAGES, inverted_residual

network, calibration = inverted_residual(), Calibration(IMAGES[:8])
kinds = ["float", "float16", "dynamic", "int8"]
for kind in reversed(kinds) if sys.argv[2] == "backwards" else kinds:
    for name, module, int8_module in (("onnx", onnx, onnx_int8), ("tflite", tflite, tflite_int8)):
        make = getattr(int8_module if kind == "int8" else module, f"{kind}_{name}")
        made = make(network, CARD, *([calibration] if kind == "int8" else []))
        print(make.__name__, hashlib.sha256(made).hexdigest())
"""


@pytest.fixture(scope="module")
def digests():
    """What two processes made, in another order and with sets in another order."""
    running = [
        subprocess.Popen(
            [sys.executable, "-c", MAKE_ALL, Path(__file__).parent, order],
            env={**os.environ, "PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            text=True,
        )
        for order, seed in (("forwards", "1"), ("backwards", "2"))
    ]
    outputs = [process.communicate(timeout=120)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    return [dict(line.split() for line in output.splitlines()) for output in outputs]


@pytest.mark.parametrize("format_", ["tflite", "onnx"])
@pytest.mark.parametrize("kind", ["float", "float16", "dynamic", "int8"])
def test_two_processes_make_the_same_bytes(digests, kind, format_):
    one, other = (found[f"{kind}_{format_}"] for found in digests)
    assert one == other
