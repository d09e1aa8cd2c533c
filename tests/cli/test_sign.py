"""`edgecls sign`, and a device that insists on signatures."""

import os
from pathlib import Path

import numpy as np
import pytest

from edgecls.edge_runtime.images.opencv import cv2
from tests.hostile_networks import harmless, sealed

pytest.importorskip("nacl", reason="needs edgecls[sign]")


def test_a_device_takes_what_a_trusted_key_has_signed_and_nothing_else(tmp_path: Path, run_edgecls):
    places = tmp_path / "workshop", tmp_path / "device"
    workshop, device = ({**os.environ, "XDG_CONFIG_HOME": str(place)} for place in places)
    (tmp_path / "model.onnx").write_bytes(sealed(harmless()))
    cv2.imwrite(str(tmp_path / "white.png"), np.full((8, 8, 3), 255, np.uint8))
    predict = ("predict", "white.png", "--model", "model.onnx", "--require-signed")
    done = run_edgecls(*predict, cwd=tmp_path, env=device)
    assert (done.returncode, done.stdout) == (65, "")
    assert done.stderr.startswith("edgecls: error: model.onnx: not signed; ")

    done = run_edgecls("sign", "model.onnx", cwd=tmp_path, env=workshop)
    assert done.returncode == 0, done.stderr
    assert "made a key in " in done.stderr
    said, following = done.stdout.splitlines()
    key = said.removeprefix("model.onnx: signed by ")
    assert following.startswith(f"next: sudo mkdir -p /etc/edgecls && echo '{key} signing' | sudo tee")

    assert run_edgecls(*predict, cwd=tmp_path, env=device).returncode == 65
    (tmp_path / "device" / "edgecls").mkdir(parents=True)
    (tmp_path / "device" / "edgecls" / "trusted_keys").write_text(f"{key} signing\n")
    done = run_edgecls(*predict, cwd=tmp_path, env=device)
    assert (done.returncode, done.stderr) == (0, "")
    shown = run_edgecls("inspect", "model.onnx", cwd=tmp_path).stdout.splitlines()
    assert ["signed", "by", key] in [line.split() for line in shown]
    for env, words in ((device, "holds, and the key is trusted"), (workshop, "holds; the key is not among")):
        told = run_edgecls("inspect", "model.onnx", cwd=tmp_path, env=env).stdout
        assert f"signature {words}" in " ".join(told.split())


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("gone.onnx", 66, "gone.onnx: no such file"),
        ("nano", 2, "nano: comes with edgecls, which needs no signature of yours; name files of your own"),
    ],
)
def test_without_a_file_to_sign_no_key_is_made(tmp_path: Path, run_here, monkeypatch, name, code, words):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    done = run_here("sign", name, cwd=tmp_path)
    assert done.returncode == code
    assert done.stderr.startswith(f"edgecls: error: {words}")
    assert not (tmp_path / "settings").exists()
