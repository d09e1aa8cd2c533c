"""MobileNetV2's weights come from a server, once; here from one of our own, with weights of chance."""

import hashlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import h5py
import numpy as np
import pytest

from edgecls.data.backend import keras
from edgecls.edge_runtime.errors import BadData, Unavailable
from edgecls.trainer.networks import Design, build, mobilenetv2_weights
from edgecls.trainer.networks.design import ARCHITECTURES
from edgecls.trainer.networks.mobilenetv2_weights import fetch_weights, weights_name
from edgecls.trainer.options import train_options

DESIGN = Design("mobilenetv2", width=0.35)
NAME = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_96_no_top.h5"


@pytest.fixture(scope="module")
def theirs() -> keras.Model:
    """Keras's own network, as `keras.applications` makes it."""
    keras.utils.set_random_seed(1)
    return keras.applications.MobileNetV2((96, 96, 3), 0.35, include_top=False, weights=None)


@pytest.fixture(scope="module")
def weights(theirs, tmp_path_factory) -> bytes:
    """Its weights in the format of the files on Keras's server, which is older than Keras 3."""
    from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group

    path = tmp_path_factory.mktemp("weights") / "weights.h5"
    with h5py.File(path, "w") as file:
        save_weights_to_hdf5_group(file, theirs)
    return path.read_bytes()


@pytest.fixture
def served(weights, monkeypatch, tmp_path) -> Iterator[list[str]]:
    """Serves the weights; gives the paths that are asked for. Keras's cache is empty."""
    asked: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(weights)))
            self.end_headers()
            self.wfile.write(weights)

        def log_message(self, *_: object) -> None:
            pass

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        monkeypatch.setattr(mobilenetv2_weights, "ADDRESS", f"http://127.0.0.1:{server.server_port}/")
        Thread(target=server.serve_forever, daemon=True).start()
        yield asked
        server.shutdown()


@pytest.fixture
def kept(tmp_path) -> Path:
    """Where the file is, once it has been downloaded."""
    return tmp_path / "models" / NAME


def test_it_is_keras_s_network_with_the_weights_of_the_server_which_are_downloaded_once(
    theirs, served, kept, capsys
):
    network = build(DESIGN, 96, 96, 3)
    assert fetch_weights(DESIGN, 96, 96)[0] == kept
    assert served == [f"/{NAME}"]
    pictures = np.random.default_rng(0).uniform(-1, 1, (2, 96, 96, 3)).astype(np.float32)
    trunk = keras.Model(network.inputs, network.get_layer("out_relu").output)
    assert np.asarray(trunk(pictures)) == pytest.approx(np.asarray(theirs(pictures)), abs=1e-5)
    assert capsys.readouterr().out == ""


def test_the_first_file_is_trusted_and_then_no_other(weights, served, kept):
    build(DESIGN, 32, 32, 2)
    record = kept.with_name(f"{NAME}.sha256")
    assert record.read_text() == f"{hashlib.sha256(weights).hexdigest()}  {NAME}\n"
    kept.write_bytes(weights[:-1] + b"!")
    with pytest.raises(BadData, match=r"no_top.h5: not the file that was used before: sha256 .*; delete it"):
        fetch_weights(DESIGN, 32, 32)
    kept.unlink()
    assert fetch_weights(DESIGN, 32, 32)[0].read_bytes() == weights


def test_where_a_digest_is_known_the_first_file_has_to_have_it(served, kept, monkeypatch):
    monkeypatch.setitem(mobilenetv2_weights.SHA256, NAME, "0" * 64)
    with pytest.raises(BadData, match=r"not the official file: sha256 \w+\.\.\., expected 000000000000"):
        fetch_weights(DESIGN, 96, 96)
    assert not kept.exists()


def test_other_weights_are_refused_and_not_remembered(served, kept):
    kept.parent.mkdir()
    kept.write_text("<html>")
    with pytest.raises(BadData, match=r"no_top.h5: not the weights of this network: .*; delete it"):
        build(DESIGN, 32, 32, 2)
    kept.unlink()
    build(DESIGN, 32, 32, 2)


def test_without_a_network_it_says_so_before_anything_is_read(monkeypatch, tmp_path):
    monkeypatch.setattr(mobilenetv2_weights, "ADDRESS", "http://127.0.0.1:9/")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    options = train_options(tmp_path / "m.h5", {"width": 0.35}, data="cifar10", arch="mobilenetv2", imgsz=96)
    with pytest.raises(Unavailable) as failed:
        options.check()
    assert failed.value.exit_code == 69
    message = str(failed.value)
    assert message.startswith(f"{NAME} cannot be downloaded: ")
    assert f"download http://127.0.0.1:9/{NAME} elsewhere and put it into {tmp_path / 'models'}" in message
    assert message.endswith("or use --arch lite0, which needs no network")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("side_px", "known_px"), [(32, 96), (64, 96), (96, 96), (112, 128), (150, 160), (200, 192), (320, 224)]
)
def test_the_weights_are_those_of_the_most_similar_size(side_px, known_px):
    assert weights_name(Design("mobilenetv2"), side_px, side_px) == NAME.replace("0.35_96", f"1.0_{known_px}")


def test_it_takes_pixels_of_minus_1_to_1():
    scale, offset = ARCHITECTURES["mobilenetv2"].pixels
    assert (offset, 255 * scale + offset) == (-1, 1)
