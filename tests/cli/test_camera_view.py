import json
from pathlib import Path

import cv2
import numpy as np
import pytest


@pytest.fixture
def photo(tmp_path: Path, tiny) -> Path:
    """A digit that was taken upside down, in the left half of a picture."""
    (tmp_path / "m.tflite").write_bytes(tiny.files[0].read_bytes())
    digit = cv2.resize(tiny.dataset.test.images[0][..., ::-1], (240, 240))
    cv2.imwrite(str(tmp_path / "photo.png"), np.hstack([np.zeros_like(digit), digit])[::-1, ::-1])
    cv2.imwrite(str(tmp_path / "digit.png"), digit)
    return tmp_path / "photo.png"


def test_a_picture_is_put_right_and_its_region_classified(photo: Path, run_edgecls):
    common = ["camera", "--json", "--once", "--model", "m.tflite"]
    expected = run_edgecls(*common, "--source", "digit.png", cwd=photo.parent)
    seen = run_edgecls(
        *common, "--source", photo.name, "--rotate", "180", "--roi", "0.5,0.0,0.5,1.0", cwd=photo.parent
    )
    assert seen.returncode == expected.returncode == 0, seen.stderr
    assert (
        json.loads(seen.stdout)["ranking"][0]["label"] == json.loads(expected.stdout)["ranking"][0]["label"]
    )


@pytest.mark.parametrize(
    ("roi", "message"),
    [
        ("1,2,3", "--roi 1,2,3: not a region; write x,y,w,h"),
        ("0,0,999,9", "outside the picture of 480x240 pixels; write x,y,w,h"),
    ],
)
def test_a_wrong_region_is_a_usage_error_of_one_line(photo: Path, run_edgecls, roi: str, message: str):
    done = run_edgecls(
        "camera", "--once", "--model", "m.tflite", "--source", photo.name, "--roi", roi, cwd=photo.parent
    )
    assert done.returncode == 2
    (line,) = [line for line in done.stderr.splitlines() if "error" in line]
    assert message in line
