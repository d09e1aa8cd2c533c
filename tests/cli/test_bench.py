import csv
import json
import os
import shutil
from dataclasses import replace
from itertools import groupby

import numpy as np
import pytest

from edgecls.edge_runtime.models import model_file
from edgecls.edge_runtime.models.model_file import read_model

QUICK = ("--seconds", 0.2, "--images", 40)


@pytest.fixture(scope="module")
def benched(tiny, tmp_path_factory, run_edgecls):
    """What the command says and writes in a folder as the commands before it left it."""
    out = tmp_path_factory.mktemp("benched")
    done = run_edgecls(
        "bench",
        "--seconds",
        0.2,
        "--json",
        out / "bench.json",
        "--csv",
        out / "bench.csv",
        cwd=tiny.folder,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    return done, out


@pytest.fixture
def device(tiny, tmp_path):
    """A folder with exported files alone, as it is copied to a device."""
    for file in tiny.files:
        shutil.copy(file, tmp_path)
    return tmp_path


@pytest.fixture
def one_file(tiny, tmp_path):
    """A folder with `image_classification.onnx` alone, which keeps a test short."""
    shutil.copy(tiny.folder / "image_classification.onnx", tmp_path)
    return tmp_path


def change(path, rename=None, gain=None, **changes) -> None:
    """Rewrites an .onnx with another card, or with a weight that is not a number."""
    import onnx
    from onnx import numpy_helper

    card = replace(read_model(path).card, **changes)
    network = onnx.load(path)
    del network.metadata_props[:]
    if gain is not None:
        weights = next(one for one in network.graph.initializer if one.data_type == 1 and len(one.dims) == 4)
        weights.CopyFrom(
            numpy_helper.from_array(numpy_helper.to_array(weights) * np.float32(gain), weights.name)
        )
    (path.with_name(rename) if rename else path).write_bytes(
        model_file.attach_to_onnx(network.SerializeToString(), card)
    )


def rows(text: str, number: int = 0) -> dict[str, list[str]]:
    """The cells of a table by its first column; of the first table, or of that with the thresholds."""
    tables = [
        list(lines) for is_table, lines in groupby(text.splitlines(), lambda s: s[:1] == "|") if is_table
    ]
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in tables[number]]
    rule = next(place for place, row in enumerate(cells) if set(row[0]) == {"-"})  # below the headings
    return {first: rest for first, *rest in cells[rule + 1 :]}


def test_without_a_flag_all_five_files_stand_in_one_table(benched):
    done, _ = benched
    table = rows(done.stdout)
    assert list(table) == ["Keras", "TFLite", "TFLite int8", "ONNX", "ONNX int8"]
    for format_ in ("TFLite", "ONNX"):
        assert table[format_][2].split()[0] == "+0.00"
        assert "-" not in table[f"{format_} int8"]


def test_a_log_gets_a_line_for_each_step(benched):
    steps = benched[0].stderr.splitlines()
    assert all(line.startswith("edgecls: ") and line.endswith(" ...") for line in steps)
    assert "edgecls: opening image_classification.h5 ..." in steps
    assert steps.count("edgecls: timing ...") == 1  # of all files, not of each


def test_it_ends_with_the_next_command(benched, tiny):
    last = benched[0].stdout.splitlines()[-1]
    assert last.startswith("next: edgecls camera --model image_classification")
    assert "(the fastest within 0.5 points of Keras)" in last
    assert (tiny.folder / last.split()[4]).exists()


def test_json_and_csv_hold_what_the_table_shows(benched, tiny):
    done, out = benched
    document = json.loads((out / "bench.json").read_text())
    with (out / "bench.csv").open(newline="") as lines:
        table = list(csv.DictReader(lines))
    assert [file["path"] for file in document["files"]] == [row["path"] for row in table]
    assert document["settings"]["cold_starts"] == 1  # timing of less than a second is a quick look
    assert "the first label, once." in done.stdout
    assert document["data"]["images"] == len(tiny.dataset.test.truth)
    for file, row in zip(document["files"], table, strict=True):
        samples_ms = np.concatenate([window["samples_ns"] for window in file["windows"]]) / 1e6
        assert np.percentile(samples_ms, 99) == pytest.approx(float(row["p99_ms"]))
        assert f"{float(row['p50_ms']):.3f}" in rows(done.stdout)[file["format"]]
    with_threshold = [file for file in document["files"] if file["threshold"] is not None]
    assert list(rows(done.stdout, 1)) == [file["format"] for file in with_threshold]
    for file in with_threshold:
        assert file["right"] + file["wrong"] + file["unknown"] == file["images"]


def test_the_accuracy_of_keras_is_the_one_in_its_card(benched, tiny):
    table = rows(benched[0].stdout)
    assert float(table["Keras"][1].split()[0]) == pytest.approx(
        100 * read_model(tiny.h5).card.provenance.accuracy, abs=0.01
    )


def test_on_a_device_without_keras_the_columns_relative_to_it_are_open(device, run_here):
    done = run_here("bench", "--data", "digits", *QUICK, cwd=device)
    assert done.returncode == 0, done.stderr
    table = rows(done.stdout)
    assert list(table) == ["TFLite", "TFLite int8", "ONNX", "ONNX int8"]
    assert all(row[2] == "-" for row in table.values())
    assert "(the fastest within 0.5 points of the most accurate file)" in done.stdout
    assert "40 of " in done.stdout


def test_without_tensorflow_keras_is_a_row_with_the_remedy(one_file, tiny, tmp_path_factory, run_edgecls):
    shutil.copy(tiny.h5, one_file)
    shutil.copytree(tiny.folder / tiny.h5.stem, one_file / tiny.h5.stem)
    blocked = tmp_path_factory.mktemp("blocked")
    for name in ("tensorflow", "keras"):
        (blocked / f"{name}.py").write_text("raise ImportError('not installed here')")
    environment = {**os.environ, "PYTHONPATH": str(blocked)}
    done = run_edgecls("bench", *QUICK, cwd=one_file, env=environment)
    assert done.returncode == 0, done.stderr
    assert rows(done.stdout)["Keras"][1] == "-"
    assert rows(done.stdout)["ONNX"][1] != "-"
    assert 'pip install "edgecls[train]"' in done.stdout


def test_only_the_named_files_are_measured(device, run_here):
    name = "image_classification_int8.onnx"
    done = run_here("bench", name, "--data", "digits", *QUICK, cwd=device)
    assert done.returncode == 0, done.stderr
    assert list(rows(done.stdout)) == ["ONNX int8"]
    assert f"next: edgecls camera --model {name} " in done.stdout


@pytest.mark.parametrize(("named", "exit_code"), [(False, 0), (True, 65)])
def test_a_broken_file_is_a_row_and_an_error_only_if_it_was_named(one_file, run_here, named, exit_code):
    (one_file / "page.tflite").write_text("<html>")
    names = ("image_classification.onnx", "page.tflite") if named else ()
    done = run_here("bench", *names, "--data", "digits", *QUICK, cwd=one_file)
    assert done.returncode == exit_code
    assert set(rows(done.stdout)["page.tflite"]) == {"-"}
    assert rows(done.stdout)["ONNX"][1] != "-"
    assert "page.tflite: not a TFLite, ONNX or HDF5 file: it starts with '<html>'" in done.stdout
    assert done.stderr.count("edgecls: error: ") == (1 if named else 0)


def test_a_network_that_gives_nan_ends_with_1_even_if_it_was_not_named(one_file, run_here):
    change(one_file / "image_classification.onnx", rename="nan.onnx", gain=float("nan"))
    done = run_here("bench", "--data", "digits", *QUICK, cwd=one_file)
    assert done.returncode == 1
    assert "edgecls: error: nan.onnx: gave NaN or infinity for 40 of 40 images" in done.stderr
    table = rows(done.stdout)
    assert table["nan.onnx"][1] == "-"
    assert table["image_classification.onnx"][1] != "-"


def test_a_file_with_other_labels_has_no_accuracy(one_file, run_here):
    change(one_file / "image_classification.onnx", rename="swapped.onnx", labels=tuple("1023456789"))
    names = ("image_classification.onnx", "swapped.onnx")
    done = run_here("bench", *names, "--data", "digits", *QUICK, cwd=one_file)
    assert done.returncode == 65
    assert rows(done.stdout)["swapped.onnx"][1] == "-"
    assert "its labels (1, 0, 2, ...) are not those of digits (0, 1, 2, ...)" in done.stdout


def test_data_that_has_changed_since_the_training_is_refused_unless_it_is_named(tiny, one_file, run_here):
    shutil.copytree(tiny.folder / tiny.h5.stem, one_file / tiny.h5.stem)
    name = "image_classification.onnx"
    card = read_model(one_file / name).card
    change(one_file / name, provenance=replace(card.provenance, data_sha256="f" * 64))
    done = run_here("bench", name, *QUICK, cwd=one_file)
    assert done.returncode == 65
    assert "ffffffffffff" in done.stderr
    assert card.provenance.data_sha256[:12] in done.stderr
    done = run_here("bench", name, "--data", "digits", *QUICK, cwd=one_file)
    assert done.returncode == 0, done.stderr
    assert "was trained on another split or version of digits, and may have seen" in done.stdout


def test_without_a_report_the_times_are_those_of_golden_frames(one_file, run_here):
    done = run_here("bench", *QUICK, cwd=one_file)
    assert done.returncode == 0, done.stderr
    assert "data:     golden frames of image_classification.onnx, " in done.stdout
    assert "name the data set with --data" in done.stdout
    cells = rows(done.stdout)["ONNX"]
    assert cells[1:3] == ["-", "-"]
    assert float(cells[3]) > 0
    assert done.stdout.splitlines()[-1].startswith("next: edgecls bench --data ")


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        ([], 66, "no .h5, .tflite or .onnx file in it; run `edgecls train`"),
        (["gone.onnx"], 66, "gone.onnx: no such file"),
        (["page.txt"], 65, "page.txt: not a TFLite, ONNX or HDF5 file"),
        (["--threads", 0], 2, "--threads"),
        (["--seconds", 0], 2, "--seconds"),
        (["--images", 0], 2, "--images"),
        (["--json", "."], 2, "is a directory"),
    ],
)
def test_wrong_inputs_are_one_line_each(tmp_path, run_here, arguments, exit_code, message):
    (tmp_path / "page.txt").write_text("<html>")
    done = run_here("bench", *arguments, cwd=tmp_path)
    assert done.returncode == exit_code
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


@pytest.mark.parametrize("option", ["--json", "--csv"])
def test_a_folder_that_cannot_be_written_is_an_error_before_anything_is_measured(tiny, run_here, option):
    # /sys is read-only even for root, which chmod does not stop. The data set would be the next error.
    done = run_here("bench", option, "/sys/bench.out", "--data", "gone", cwd=tiny.folder)
    assert done.returncode == 77
    assert "cannot write /sys/bench.out" in done.stderr
    assert done.stdout == ""
