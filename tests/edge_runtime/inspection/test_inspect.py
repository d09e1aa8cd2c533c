import hashlib
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from edgecls.edge_runtime.errors import BadModel, MissingInput
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.inspection.facts import ModelFacts, NetworkFacts, OperatorFacts, demo_classes
from edgecls.edge_runtime.inspection.inspect import inspect_model, read_as_json, read_network
from edgecls.edge_runtime.models.card import DemoPicture, ModelCard

FOREIGN = (
    *("theirs.h5", "theirs.keras"),
    *("float.tflite", "dynamic.tflite", "int8.tflite"),
    *("fixed.onnx", "dynamic.onnx"),
)

DOCUMENTED_CNN_MACS = sum(
    [
        30 * 30 * 32 * (3 * 3 * 3),  # 32x32 to 30x30; pooled to 15x15
        13 * 13 * 64 * (3 * 3 * 32),  # pooled to 6x6
        4 * 4 * 64 * (3 * 3 * 64),
        (4 * 4 * 64) * 64,
        64 * 10,
    ]
)

FOREIGN_MACS = sum(
    [
        16 * 16 * 8 * (3 * 3 * 3),  # every second pixel of 32x32
        16 * 16 * 8 * (3 * 3),  # each channel by itself
        14 * 14 * 8 * (3 * 3) + 14 * 14 * 12 * 8,  # each by itself, then across the channels
        (7 * 7 * 12) * 5,
    ]
)


def test_the_documented_cnn_is_counted_as_by_hand_in_every_format(tiny):
    assert DOCUMENTED_CNN_MACS == 4_548_608
    for path in (tiny.h5, *tiny.files):
        facts = inspect_model(path)
        assert facts.network.macs == DOCUMENTED_CNN_MACS, path
        assert facts.network.parameters == 122_570, path


def test_our_files_show_their_card_seal_size_and_checksum(tiny):
    for path in (tiny.h5, *tiny.files):
        facts, content = inspect_model(path), path.read_bytes()
        assert facts.file == str(path)
        assert facts.format == path.suffix[1:]
        assert facts.size_bytes == len(content)
        assert facts.sha256 == hashlib.sha256(content).hexdigest()
        assert facts.seal == "holds"
        assert facts.card is not None
        assert facts.card.labels == tuple("0123456789")


@pytest.fixture(scope="module")
def inspected(foreign) -> dict[str, ModelFacts]:
    """The facts of foreign files, where this process cannot read a network: another one has to."""
    with pytest.MonkeyPatch.context() as here:
        here.setattr("edgecls.edge_runtime.inspection.inspect.read_network", None)
        return {name: inspect_model(foreign.path(name)) for name in FOREIGN}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_network_is_counted_as_by_hand_in_every_format(inspected, name: str):
    facts = inspected[name]
    assert facts.network.macs == FOREIGN_MACS
    assert facts.seal == "none"
    assert facts.card is None
    (entry,), (out,) = facts.network.inputs, facts.network.outputs
    assert entry.shape is not None
    assert entry.shape[1:] == (32, 32, 3)
    assert out.shape is not None
    assert out.shape[1:] == (5,)


def test_a_foreign_file_is_read_in_another_process(foreign, inspected):
    for name in FOREIGN:
        path = foreign.path(name)
        assert inspected[name].network == read_network(path.read_bytes(), str(path)), name


def test_a_sealed_file_is_read_at_once(tiny, monkeypatch):
    monkeypatch.setattr("edgecls.edge_runtime.inspection.inspect.ask_worker", None)
    assert inspect_model(tiny.files[0]).network.macs == DOCUMENTED_CNN_MACS


def test_the_facts_survive_the_way_through_a_pipe(foreign):
    for name in FOREIGN:
        content = foreign.path(name).read_bytes()
        values = json.loads(json.dumps(read_as_json(content, name)))
        assert NetworkFacts.from_json(values) == read_network(content, name)


def test_a_missing_file_is_missing(tmp_path: Path):
    with pytest.raises(MissingInput):
        inspect_model(tmp_path / "theirs.tflite")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"<html><body>", "not a TFLite, ONNX or HDF5 file: it starts with '<html>"),
        (b"PK\x03\x04" + bytes(40), "not a whole .keras file"),
        (b"\x89HDF\r\n\x1a\n" + bytes(90), "not a readable HDF5 file"),
        (b"\x1c\0\0\0TFL3" + bytes(90), "not a valid TFLite model"),
        (b"\x08\x08\x3a\x7f" + bytes(90), "not a valid ONNX model"),
    ],
    ids=["empty", "web page", "zip", "HDF5", "TFLite", "ONNX"],
)
def test_what_is_no_model_is_bad_data(tmp_path: Path, content: bytes, words: str):
    path = tmp_path / "theirs.bin"
    path.write_bytes(content)
    with pytest.raises(BadModel, match=r"theirs\.bin: ") as raised:
        inspect_model(path)
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_part_of_our_file_is_not_taken_for_foreign(tiny, tmp_path: Path, monkeypatch):
    """The network of each part is whole: what was cut off is an end of the card."""
    monkeypatch.setattr("edgecls.edge_runtime.inspection.inspect.ask_worker", None)
    for path in (tiny.h5, *tiny.files):
        for cut_bytes in (1, 80, 200):
            part = tmp_path / path.name
            part.write_bytes(path.read_bytes()[:-cut_bytes])
            with pytest.raises(BadModel, match=f"{path.name}: "):
                inspect_model(part)


@pytest.fixture(scope="module")
def ends_of_damaged_copies(tiny, foreign) -> dict[Path, tuple[Counter, Counter]]:
    """How inspecting 200 copies of a file ends: of those truncated, and of those with one bit flipped."""
    files, ends = [tiny.h5, *tiny.files, *map(foreign.path, FOREIGN)], {}
    keras = [path for path in files if path.suffix in (".h5", ".keras")]  # which TensorFlow is loaded for
    for group in (keras, [path for path in files if path not in keras]):
        command = [sys.executable, Path(__file__).with_name("mutants.py"), "200", *group]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        found = done.stdout.split()
        assert len(found) == 400 * len(group)
        for number, path in enumerate(group):
            start = 400 * number
            ends[path] = Counter(found[start : start + 200]), Counter(found[start + 200 : start + 400])
    return ends


def test_two_hundred_cuts_and_flips_of_each_of_our_files_are_refused(tiny, ends_of_damaged_copies):
    """Rows 28 and 29; `test_model_file` does the same for the commands that go through `read_model`."""
    for path in (tiny.h5, *tiny.files):
        cut, flipped = ends_of_damaged_copies[path]
        assert cut == flipped == {"refused": 200}, path


@pytest.mark.parametrize("name", FOREIGN)
def test_two_hundred_cuts_and_flips_of_a_foreign_file_never_break_a_reader(
    foreign, name: str, ends_of_damaged_copies
):
    """Nothing tells that a bit of a weight was flipped. A crash or hang would become the child's error."""
    cut, flipped = ends_of_damaged_copies[foreign.path(name)]
    assert cut == {"refused": 200}
    assert flipped.keys() <= {"refused", "facts", "crash"}
    assert flipped.total() == 200


def test_without_onnxruntime_the_multiplications_alone_are_missing(tiny, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.delitem(sys.modules, "edgecls.edge_runtime.engines.onnxruntime", raising=False)
    monkeypatch.delitem(sys.modules, "edgecls.edge_runtime.inspection.onnx", raising=False)
    network = inspect_model(tiny.folder / "image_classification.onnx").network
    assert network.macs is None
    assert "onnxruntime cannot be loaded" in network.macs_unknown
    assert OperatorFacts("Conv", 3) in network.operators


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (("none", "cup", "pan"), "cup, pan"),
        (("none", "cup", "pan", "tool"), "cup, pan; none of tool"),
        (("none", "cup", "pan", *map(str, range(998))), "cup, pan; none of 998 other classes"),
    ],
)
def test_classes_without_a_demo_picture_are_named_but_for_the_background(labels: tuple[str, ...], said: str):
    demo = (DemoPicture("", "cup"), DemoPicture("", "pan"))
    assert demo_classes(ModelCard(labels, ImageRule(32, 32), background="none", demo=demo)) == said
