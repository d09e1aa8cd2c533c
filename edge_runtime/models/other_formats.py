"""Formats of other tools that edgecls does not run: each is named, with the way to one that it runs."""

import io
import re
import shlex
import zipfile
from pathlib import Path

from ..errors import BadModel

_TORCH = (
    "export it to ONNX where it was made: "
    '`torch.onnx.export(model, picture, "model.onnx", external_data=False)`'
)
_YOLO = ", or `yolo export model=FILE format=onnx` for one of Ultralytics"
_ORIGINAL = "take the ONNX, TFLite or Keras file that it was made from"
_TENSORFLOW = "convert its SavedModel: `python -m tf2onnx.convert --saved-model FOLDER --output model.onnx`"
_TFJS = (
    "a model of TensorFlow.js; export Keras or TFLite where it was made, or convert it: "
    "`tensorflowjs_converter --input_format tfjs_layers_model --output_format keras model.json model.h5`"
)
_BY_SUFFIX = {
    (".pt", ".pth", ".torchscript", ".ckpt"): f"a PyTorch file; {_TORCH}{_YOLO}",
    (".safetensors", ".gguf", ".msgpack"): f"weights without a network; load them, and {_TORCH}",
    (".pb", ".pbtxt"): f"a graph of TensorFlow; {_TENSORFLOW}",
    (".mlmodel", ".mlpackage"): f"a Core ML model; {_ORIGINAL}",
    (".xml",): f"an OpenVINO model; {_ORIGINAL}",
    (
        ".pkl",
        ".pickle",
        ".joblib",
    ): "a pickle, which can run any code; convert it where it was made, as with skl2onnx",
    (".caffemodel", ".prototxt"): f"a Caffe model; {_ORIGINAL}",
    (".pdmodel", ".pdiparams"): "a Paddle model; convert it with `paddle2onnx`",
    (".weights", ".cfg"): "a Darknet model; export it to ONNX where it was trained",
    (".engine", ".plan", ".trt", ".rknn", ".hef", ".blob", ".mnn", ".param", ".ort"): (
        f"compiled for another runtime; {_ORIGINAL}"
    ),
}
_SUFFIXES = {suffix: what for suffixes, what in _BY_SUFFIX.items() for suffix in suffixes}
_MOST_ENTRIES = 10_000
_ZIP = b"PK\x03\x04"
_RUN = (".tflite", ".onnx")


def refuse_other_format(content: bytes, name: str, *, takes_keras: bool = False) -> None:
    """Refuses a file whose format is one of another tool, known by its content, or else by its suffix.

    Args:
        content: of the file.
        name: of the file.
        takes_keras: whether a `.keras` file is none of them.

    Raises:
        BadModel: it is one of them; the message says which, and how to go on.
    """
    if content[4:8] == b"TFL3" or content.startswith(b"\x89HDF"):
        return
    if content.startswith(_ZIP):
        what = _of_archive(content, shlex.quote(name), takes_keras=takes_keras)
    else:
        what = _by_content(content) or _SUFFIXES.get(Path(name).suffix.lower())
    if what:
        raise BadModel(f"{name}: {what}")


def _by_content(content: bytes) -> str:
    start = content[:100_000]
    if re.match(rb"\x80[\x02-\x05]", start):
        return _SUFFIXES[".pth" if b"torch" in start else ".pkl"]
    if start[8:9] == b"{" and b'"data_offsets"' in start:
        return _SUFFIXES[".safetensors"]
    if start.lstrip()[:1] == b"<" and b"<net" in start:
        return _SUFFIXES[".xml"]
    return _TFJS if start.lstrip()[:1] == b"{" and b'"modelTopology"' in start else ""


def _of_archive(content: bytes, file: str, *, takes_keras: bool) -> str:
    """What a zip holds, by the names in it."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()[:_MOST_ENTRIES]
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return ""
    files = sorted({entry.rpartition("/")[2] for entry in names})
    if "config.json" in files and "model.weights.h5" in files and takes_keras:
        return ""
    by_file = {
        "model.weights.h5": "a Keras model, which does not run on a device; "
        f"run `edgecls export {file} --labels labels.txt`",
        "data.pkl": _SUFFIXES[".pt"],
        "keras_model.h5": "an archive; unzip it, and run "
        "`edgecls export keras_model.h5 --labels labels.txt --scale -1..1`",
        "model.json": _TFJS,
        "saved_model.pb": f"an archive with a SavedModel; unzip it, and {_TENSORFLOW}",
    } | {entry: f"an archive; unzip it, and name its {entry}" for entry in files if entry.endswith(_RUN)}
    return next((what for entry, what in by_file.items() if entry in files), "")


def refuse_other_folder(folder: Path) -> None:
    """Refuses a folder that is a model of another tool, known by the files in it.

    Raises:
        BadModel: it is; the message says which, and how to go on.
    """
    path, name = shlex.quote(str(folder)), shlex.quote(folder.resolve().name)
    if (folder / "saved_model.pb").is_file():
        raise BadModel(
            f"{folder}: a SavedModel of TensorFlow; convert it to ONNX with `python -m tf2onnx.convert "
            f"--saved-model {path} --output {name}.onnx`, or to TFLite with `tf.lite.TFLiteConverter`"
        )
    if (folder / "model.json").is_file():
        raise BadModel(f"{folder}: {_TFJS}")
    if (folder / "Manifest.json").is_file() and folder.suffix == ".mlpackage":
        raise BadModel(f"{folder}: {_SUFFIXES['.mlpackage']}")
    if (folder / "config.json").is_file() and any(
        (folder / name).is_file() for name in ("model.safetensors", "pytorch_model.bin")
    ):
        raise BadModel(
            f"{folder}: a model of Hugging Face; run `optimum-cli export onnx --model {path} exported`"
        )
    if any(folder.glob("*.xml")) and any(folder.glob("*.bin")):
        raise BadModel(f"{folder}: {_SUFFIXES['.xml']}")
