from dataclasses import fields
from pathlib import Path

import pytest

from edgecls.edge_runtime.camera.option_text import to_arguments, to_toml
from edgecls.edge_runtime.camera.option_values import read_options
from edgecls.edge_runtime.camera.options import CameraOptions
from edgecls.edge_runtime.errors import BadConfiguration, MissingInput, UsageError


@pytest.fixture
def config(tmp_path: Path):
    """Writes a configuration file."""

    def write(text: str) -> Path:
        path = tmp_path / "door.toml"
        path.write_text(text)
        return path

    return write


def test_a_file_sets_options_by_the_names_of_the_command_line(config):
    path = config('source = 0\nserve = true\nconf = 1\nmax-frames = 3\nrotate = 90\nevents = "e.jsonl"\n')
    assert CameraOptions.from_toml(path) == CameraOptions(
        source="0", serve="127.0.0.1:8080", conf=1.0, max_frames=3, rotate="90", events=Path("e.jsonl")
    )


def test_paths_may_be_text():
    options = CameraOptions(model="nano", labels="labels.txt", events="events.jsonl")
    assert (options.model, options.labels) == (Path("nano"), Path("labels.txt"))
    assert options.events == Path("events.jsonl")


def test_paths_of_a_file_may_begin_in_the_home_folder(config, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    options = CameraOptions.from_toml(
        config('events = "~/e.jsonl"\nmodel = "~nobody-of-this-name/m.tflite"\n')
    )
    assert (options.events, options.model) == (tmp_path / "e.jsonl", Path("~nobody-of-this-name/m.tflite"))


def test_what_is_printed_reads_back(config):
    options = CameraOptions(
        source='rtsp://10.0.0.7/"quoted"',
        model=Path("nano"),
        realtime=False,
        show=False,
        scale="-1..1",
        conf=0.25,
        record_max_mb=7,
        record="out/",
    )
    text = to_toml(options)
    assert CameraOptions.from_toml(config(text)) == options
    for option in fields(CameraOptions):
        assert option.name in text


def test_secrets_are_left_to_the_environment():
    text = to_toml(CameraOptions(source="rtsp://me:s3cret@10.0.0.7/live", token="0123456789"))  # noqa: S106
    assert "s3cret" not in text
    assert "0123456789" not in text
    assert "set EDGECLS_SOURCE in the environment" in text
    assert "set EDGECLS_TOKEN in the environment" in text


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("sorce = 0", "sorce: no such option; did you mean source?"),
        ("zzz = 0", "zzz: no such option; see `edgecls camera --print-config`"),
        ("threads = 0", "threads = 0: write at least 1"),
        ("conf = 1.5", "conf = 1.5: write at most 1"),
        ("conf = true", "conf = true: write a number"),
        ("max_frames = 2.5", "max_frames = 2.5: write a whole number"),
        ("once = 1", "once = 1: write true or false"),
        ("model = 3", "model = 3: write a path in quotes"),
        ("size = 640", "size = 640: write a text in quotes"),
        ('engine = "tpu"', 'engine = "tpu": write one of auto, litert, onnxruntime'),
        ("flip = true", "flip = true: write one of horizontal, vertical"),
    ],
)
def test_a_wrong_line_is_named_with_what_to_write(config, line: str, message: str):
    with pytest.raises(BadConfiguration) as raised:
        read_options(config(line), CameraOptions)
    assert message in str(raised.value)
    assert "door.toml: " in str(raised.value)


def test_a_file_that_is_not_toml_or_not_there(config, tmp_path: Path):
    with pytest.raises(BadConfiguration, match=r"door\.toml: not TOML: .*; write lines such as"):
        read_options(config("source: 0"), CameraOptions)
    with pytest.raises(MissingInput):
        read_options(tmp_path / "none.toml", CameraOptions)


@pytest.mark.parametrize("line", ["conf = " + "9" * 5000, "roi = " + "[" * 5000, "a" * 20_000 + " = 1"])
def test_what_no_parser_expects_is_one_short_line(config, line: str):
    """Found by `make fuzz`."""
    with pytest.raises(BadConfiguration, match=r"door\.toml: ") as raised:
        read_options(config(line), CameraOptions)
    assert len(str(raised.value)) < 400


def test_arguments_are_what_a_user_would_type():
    options = CameraOptions(source="csi", realtime=False, show=True, smooth=0.0, skip_still=True)
    assert to_arguments(options.changed()) == [
        *["--source", "csi", "--no-realtime", "--smooth", "0.0", "--skip-still", "--show"]
    ]
    assert to_arguments(CameraOptions().changed()) == []


@pytest.mark.parametrize(
    ("written", "mean"),
    [('"imagenet"', "imagenet"), ("127.5", "127.5"), ("0", "0.0"), ("[0.4, 0.5, 1]", "0.4,0.5,1.0")],
)
def test_a_mean_in_a_file_is_a_text_a_number_or_three(tmp_path: Path, written: str, mean: str):
    path = tmp_path / "door.toml"
    path.write_text(f"mean = {written}\nresize-to = 256\n")
    options = CameraOptions.from_toml(path)
    assert (options.mean, options.resize_to) == (mean, 256)


@pytest.mark.parametrize("written", ["true", '["a"]', "[[1]]", "nan"])
def test_a_mean_in_a_file_that_is_none_is_a_wrong_configuration(tmp_path: Path, written: str):
    path = tmp_path / "door.toml"
    path.write_text(f"mean = {written}\n")
    with pytest.raises(BadConfiguration, match=r"door\.toml: mean = "):
        CameraOptions.from_toml(path)


def test_what_a_user_says_of_the_pictures_is_one_value():
    options = CameraOptions(scale="0..255", mean="127.5", channels="bgr", crop="stretch")
    assert options.picture_options.text == "--scale 0..255 --mean 127.5 --channels bgr --crop stretch"
    with pytest.raises(UsageError, match="--std 0: write numbers"):
        _ = CameraOptions(std="0").picture_options
