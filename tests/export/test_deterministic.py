import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from edgecls.export import onnx, onnx_int8, tflite, tflite_int8
from edgecls.export.calibration import Calibration
from tests.export.networks import CARD, IMAGES, inverted_residual

KINDS = ("float", "float16", "dynamic", "int8")
BACKWARDS = """
import json, sys
sys.path.insert(0, sys.argv[1])
from tests.export.test_deterministic import KINDS, digests_of
print(json.dumps(digests_of(reversed(KINDS))))
"""


def digests_of(kinds: Iterable[str]) -> dict[str, str]:
    """Of the same network in these kinds, made in this order, in both formats."""
    network, calibration = inverted_residual(strides=(1,)), Calibration(IMAGES[:8])
    digests = {}
    for kind in kinds:
        for name, module, int8_module in (("onnx", onnx, onnx_int8), ("tflite", tflite, tflite_int8)):
            make = getattr(int8_module if kind == "int8" else module, f"{kind}_{name}")
            content = make(network, CARD, *([calibration] if kind == "int8" else []))
            digests[make.__name__] = hashlib.sha256(content).hexdigest()
    return digests


@pytest.fixture(scope="module")
def digests() -> tuple[dict[str, str], dict[str, str]]:
    """What this process made, and another in another order and with sets in another order."""
    with subprocess.Popen(
        [sys.executable, "-c", BACKWARDS, Path(__file__).parents[2]],
        env={**os.environ, "PYTHONHASHSEED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        here = digests_of(KINDS)
        said, _ = other.communicate(timeout=900)
    assert other.returncode == 0
    return here, json.loads(said)


@pytest.mark.parametrize("format_", ["tflite", "onnx"])
@pytest.mark.parametrize("kind", KINDS)
def test_two_processes_make_the_same_bytes(digests, kind, format_):
    one, other = (found[f"{kind}_{format_}"] for found in digests)
    assert one == other
