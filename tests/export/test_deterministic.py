import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from edgecls.edge_runtime.models.model_file import ModelFormat
from edgecls.export.calibration import Calibration
from edgecls.export.targets import Kind, Target, converted
from tests.export.networks import CARD, IMAGES, inverted_residual

KINDS: tuple[Kind, ...] = ("float32", "float16", "dynamic", "int8")
FORMATS = (ModelFormat.TFLITE, ModelFormat.ONNX)
BACKWARDS = """
import json, sys
sys.path.insert(0, sys.argv[1])
from tests.export.test_deterministic import KINDS, digests_of
print(json.dumps(digests_of(KINDS[::-1])))
"""


def digests_of(kinds: Iterable[Kind]) -> dict[str, str]:
    """Of the same network in these kinds, made in this order of one conversion, in both formats."""
    network, calibration = inverted_residual(strides=(1,)), Calibration(IMAGES[:8])
    digests = {}
    for format_ in FORMATS:
        original = converted(network, CARD, format_)
        for kind in kinds:
            content = Target(format_, kind).convert(original, CARD, calibration)
            digests[f"{kind}.{format_}"] = hashlib.sha256(content).hexdigest()
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


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("kind", KINDS)
def test_two_processes_make_the_same_bytes(digests, kind, format_):
    one, other = (found[f"{kind}.{format_}"] for found in digests)
    assert one == other
