"""`edgecls predict` as a real process."""

import csv
import json
import os
import pty
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edgecls.edge_runtime.images.opencv import cv2
from tests.edge_runtime.images.pictures import HEIC, damaged, encoded, scene

IMAGES = 6


@pytest.fixture
def folder(tiny, tmp_path: Path) -> Path:
    for path in tiny.files:
        shutil.copy(path, tmp_path)
    (tmp_path / "digits").mkdir()
    for number, image in enumerate(tiny.dataset.test.images[:IMAGES]):
        cv2.imwrite(str(tmp_path / "digits" / f"{number}.png"), image[..., ::-1])
    return tmp_path


@pytest.fixture
def predict(folder: Path, run_edgecls) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = run_edgecls("predict", *arguments, cwd=folder)
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run


def names(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line.partition(": ")[0] for line in done.stdout.splitlines()]


def test_each_image_is_one_line(predict):
    done = predict("digits/0.png", "digits/3.png")
    lines = done.stdout.splitlines()
    assert names(done) == ["digits/0.png", "digits/3.png"]
    percent = r"\d{1,3}\.\d%"
    assert all(re.fullmatch(rf".+: (\d {percent}|unknown)  \((\d {percent}(, )?)+\)", line) for line in lines)
    assert done.stderr == ""


def test_who_reads_it_on_a_terminal_is_told_which_model_it_was_and_what_comes_next(folder):
    main, terminal = pty.openpty()
    subprocess.run(
        [sys.executable, "-m", "edgecls.cli", "predict", "digits/0.png"],
        cwd=folder,
        stdout=terminal,
        check=True,
    )
    os.close(terminal)
    said = os.read(main, 4096).decode().splitlines()
    os.close(main)
    assert said[-2:] == ["model: image_classification_int8.tflite", "next: edgecls camera"]


def test_an_export_older_than_its_h5_answers_and_is_told_of(predict, folder):
    original = folder / "image_classification.h5"
    original.touch()
    later_s = time.time() + 60
    os.utime(original, (later_s, later_s))
    done = predict("digits/0.png")
    assert names(done) == ["digits/0.png"]
    assert "image_classification.h5 is newer than image_classification_int8.tflite" in done.stderr
    assert "run `edgecls export image_classification.h5 --int8`" in done.stderr
    assert predict("digits/0.png", "--model", "image_classification_int8.tflite").stderr == ""
    os.utime(original, (0, 0))
    assert predict("digits/0.png").stderr == ""


def test_most_digits_are_recognised(predict, tiny):
    lines = predict("digits", "--conf", "0").stdout.splitlines()
    labels = [int(line.partition(": ")[2][0]) for line in lines]
    assert (
        sum(label == truth for label, truth in zip(labels, tiny.dataset.test.truth, strict=False))
        >= IMAGES - 2
    )


@pytest.mark.parametrize("arguments", [("digits",), ("digits/*.png",), ("digits/0.png", "digits/[1-5].png")])
def test_folders_and_globs_are_opened(predict, arguments):
    assert names(predict(*arguments)) == [f"digits/{number}.png" for number in range(IMAGES)]


def test_a_source_is_the_same_as_an_argument(predict):
    expected = names(predict("digits/0.png", "digits/1.png"))
    assert names(predict("--source", "digits/0.png", "-s", "digits/1.png")) == expected
    assert names(predict("digits/0.png", "--source", "digits/1.png")) == expected


def test_annotated_pictures_are_saved_under_the_names_of_the_images(predict, folder: Path):
    (folder / "others").mkdir()
    shutil.copy(folder / "digits" / "1.png", folder / "others" / "0.png")
    done = predict("digits/0.png", "others/0.png", "digits/1.png", "--save", "annotated")
    assert done.stderr == "edgecls: wrote annotated/\n"
    assert {path.name for path in (folder / "annotated").iterdir()} == {"0.png", "0-2.png", "1.png"}
    shown, original = (cv2.imread(str(folder / name)) for name in ("annotated/1.png", "digits/1.png"))
    assert shown.shape[1] >= 320 > original.shape[1]  # enlarged, with a band for the answer
    assert (shown[-80:] != 0).any()
    again = predict("digits/0.png", "--save", "annotated")  # a second run replaces the first one's files
    assert again.returncode == 0


def test_a_picture_is_not_replaced_by_the_table(predict, folder: Path):
    before = (folder / "digits/0.png").read_bytes()
    done = predict("digits", "--csv", "digits/0.png", code=2)
    assert "--csv digits/0.png: would replace the image itself; choose another name" in done.stderr
    assert (folder / "digits/0.png").read_bytes() == before


def test_a_picture_is_not_replaced_by_its_own_annotation(predict, folder: Path):
    before = (folder / "digits/0.png").read_bytes()
    done = predict("digits/0.png", "--save", "digits", code=2)
    assert "--save digits: would replace digits/0.png itself; name another folder" in done.stderr
    assert (folder / "digits/0.png").read_bytes() == before


def test_a_csv_file_has_a_row_for_each_image(predict, folder: Path):
    (folder / "text.jpg").write_text("hello, I am text\n")
    predict("digits", "text.jpg", "--csv", "answers.csv", "--topk", 2, "--conf", 0.5, code=65)
    with (folder / "answers.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["image", "label", "class_1", "confidence_1", "class_2", "confidence_2"]
    assert [row["image"] for row in rows] == [f"digits/{number}.png" for number in range(IMAGES)]
    for row in rows:
        assert float(row["confidence_1"]) >= float(row["confidence_2"])
        assert row["label"] in ("", row["class_1"])
    unknown = predict("digits/0.png", "--csv", "answers.csv", "--conf", 1).stdout
    assert ": unknown" in unknown
    assert (folder / "answers.csv").read_text().splitlines()[1].startswith("digits/0.png,,")


def test_quiet_leaves_the_answers_and_verbose_says_what_was_chosen(predict, run_edgecls, folder: Path):
    assert predict("digits/0.png", "-q", "--save", "annotated").stderr == ""
    told = predict("digits/0.png", "-v").stderr.splitlines()
    assert told[0].startswith("edgecls: model: image_classification_int8.tflite on litert ")
    assert told[1].startswith("edgecls: answers below 0.")


def test_json_has_a_line_an_image_with_its_name(predict):
    values = [json.loads(line) for line in predict("digits", "--json", "--topk", 2).stdout.splitlines()]
    assert [value["name"] for value in values] == [f"digits/{number}.png" for number in range(IMAGES)]
    assert all(len(value["ranking"]) == 2 for value in values)


def test_below_the_threshold_the_answer_is_unknown(predict, folder: Path):
    cv2.imwrite(str(folder / "grey.png"), cv2.imread(str(folder / "digits/0.png")) * 0 + 127)
    assert predict("grey.png", "--conf", "1").stdout.startswith("grey.png: unknown  (")


@pytest.mark.parametrize("name", ["image_classification.tflite", "image_classification.onnx"])
def test_the_model_can_be_named(predict, name):
    assert names(predict("digits/0.png", "--model", name)) == ["digits/0.png"]


def test_an_engine_can_be_named(predict):
    assert names(predict("digits/0.png", "--engine", "onnxruntime")) == ["digits/0.png"]


def test_one_that_is_no_image_is_told_and_the_others_are_answered(predict, folder: Path):
    """Row 16."""
    (folder / "text.jpg").write_text("hello, I am text\n")
    done = predict("digits/0.png", "text.jpg", "digits/1.png", code=65)
    assert names(done) == ["digits/0.png", "digits/1.png"]
    told, error = done.stderr.splitlines()
    assert told.startswith("edgecls: warning: skipped text.jpg: not an image")
    assert error.startswith("edgecls: error: 1 of 3 images could not be read: text.jpg: not an image")


def test_one_that_is_missing_is_told_and_the_others_are_answered(predict):
    done = predict("digits/0.png", "nothing.jpg", code=66)
    assert names(done) == ["digits/0.png"]
    assert "nothing.jpg: no such file" in done.stderr


def test_what_a_shells_star_may_name_beside_pictures_stops_none_of_them(predict, folder: Path):
    (folder / "empty").mkdir()
    os.mkfifo(folder / "fifo.jpg")
    done = predict("digits/0.png", "fifo.jpg", "empty", "digits/1.png", code=2)
    assert names(done) == ["digits/0.png", "digits/1.png"]
    first, second = [line for line in done.stderr.splitlines() if "skipped" in line]
    assert first.endswith("skipped fifo.jpg: a FIFO, not an image; name files, folders or quoted globs")
    assert second.endswith(
        "skipped empty: no images in this folder; name a folder that holds JPEG or PNG files"
    )
    assert "error: 2 of 4 images could not be read, such as fifo.jpg: a FIFO" in done.stderr


def test_what_a_folder_holds_beside_pictures_is_told(predict, folder: Path):
    os.mkfifo(folder / "digits" / "fifo.jpg")
    (folder / "digits" / "gone.jpg").symlink_to("nothing.jpg")
    done = predict("digits")
    assert "edgecls: warning: skipped 2 files that are not pictures: fifo.jpg, gone.jpg" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("nothing.jpg",), 66, "nothing.jpg: no such file; check the name"),
        (("text.jpg",), 65, "text.jpg: not an image; use JPEG"),
        (("phone.jpg",), 65, "phone.jpg: HEIC is not supported; convert it to JPEG"),
        (("row.jpg",), 65, "row.jpg: several JPEGs in a row, a video (Motion JPEG); use `edgecls camera"),
        (("gap.jpg",), 65, "gap.jpg: the JPEG is damaged; copy it again"),
        (("empty",), 2, "empty: no images in this folder"),
        (("fifo",), 2, "fifo: a FIFO, not an image; name files, folders or quoted globs"),
        (("/dev/null",), 2, "/dev/null: a device, not an image; name files"),
        (
            ("http://localhost/a.jpg",),
            2,
            "http://localhost/a.jpg: a file on the web; `edgecls predict` takes images",
        ),
        (("concat:a.jpg",), 2, "source scheme not allowed: concat"),
        (("digits/0.png", "--model", "nothing.onnx"), 66, "nothing.onnx: no such file"),
        ((), 2, "see `edgecls predict --help`"),
    ],
)
def test_what_makes_no_sense_is_one_line_and_a_code(predict, folder: Path, arguments, code, words):
    (folder / "text.jpg").write_text("hello, I am text\n")
    (folder / "gap.jpg").write_bytes(damaged(encoded(scene(320, 240))))
    (folder / "phone.jpg").write_bytes(HEIC)
    (folder / "row.jpg").write_bytes(encoded(scene(64, 48)) * 3)
    (folder / "empty").mkdir()
    os.mkfifo(folder / "fifo")
    done = predict(*arguments, code=code)
    (line,) = done.stderr.splitlines()
    assert line.startswith("edgecls: error: ")
    assert words in line
    assert done.stdout == ""


def test_without_a_model_it_says_how_to_make_one(run_edgecls, tiny, folder: Path, tmp_path_factory):
    """In an empty folder a built-in model answers: see test_models.py."""
    trained = tmp_path_factory.mktemp("trained")
    shutil.copy(tiny.h5, trained)
    done = run_edgecls("predict", folder / "digits", cwd=trained)
    assert done.returncode == 66
    assert "; run `edgecls export image_classification.h5 --int8`, copy an exported file here," in done.stderr


def test_a_name_in_any_script_or_none_is_shown(predict, folder: Path):
    image = (folder / "digits/0.png").read_bytes()
    (folder / "größe 日本.png").write_bytes(image)
    assert names(predict("größe 日本.png")) == ["größe 日本.png"]
    odd = folder / "odd"
    odd.mkdir()
    (odd / os.fsdecode(b"\xff.png")).write_bytes(image)
    (odd / "two\nlines.png").write_bytes(image)
    done = predict("odd")
    assert sorted(names(done)) == ["odd/\\udcff.png", "odd/two\\nlines.png"]
    assert len(predict("odd", "--json").stdout.splitlines()) == 2


def test_a_reader_that_goes_away_is_no_error(folder: Path):
    command = [sys.executable, "-m", "edgecls.cli", "predict", *["digits"] * 400]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        process.stdout.close()
        process.stdout = None
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert err == b""
