import os
import re
import signal
from pathlib import Path

import pytest
from edgecls.benchmarks.report import Settings
from edgecls.benchmarks.run import bench

QUICK = Settings(seconds=0.06, windows=3, cold_starts=1)
NAN = float("nan")


def test_every_figure_of_a_healthy_file_is_there(colour_model, colours):
    blind = colour_model("blind.onnx", gains=(1, 1, 0))  # never says blue
    seeing, blind = bench([colour_model("seeing.onnx"), blind], colours, QUICK).files
    assert seeing.error is None
    assert (seeing.accuracy.correct, blind.accuracy.correct) == (30, 20)
    relative_to_keras = {
        "peer",
        "difference_points",
        "difference_low_points",
        "difference_high_points",
        "mcnemar_p",
        "agreement",
        "gained",
        "lost",
    }
    assert {name for name, value in seeing.figures.items() if value is None} == relative_to_keras | {"error"}
    assert seeing.size_bytes == Path(seeing.path).stat().st_size
    assert len(seeing.latency.windows) == 3
    assert len(seeing.cold_starts) == 1


def test_files_take_turns_and_the_order_alternates(colour_model, colours):
    steps: list[str] = []
    paths = [colour_model(f"{name}.onnx") for name in "abc"]
    bench(paths, colours, QUICK, steps.append)
    turns = [step.split(": ")[1][0] for step in steps if step.startswith("timing")]
    assert "".join(turns) == "cbaabccba"
    last_window = max(index for index, step in enumerate(steps) if step.startswith("timing"))
    first_cold = min(index for index, step in enumerate(steps) if step.startswith("cold"))
    assert last_window < first_cold


def test_broken_files_are_rows_with_their_errors(colour_model, colours, tmp_path):
    page = tmp_path / "page.tflite"
    page.write_text("<html>")
    flipped = bytearray(colour_model("flipped.onnx").read_bytes())
    flipped[60] ^= 1
    (tmp_path / "flipped.onnx").write_bytes(flipped)
    paths = [page, tmp_path / "flipped.onnx", colour_model("fine.onnx")]
    page, flipped, fine = bench(paths, colours, QUICK).files
    assert "not a TFLite, ONNX or HDF5 file" in page.error
    assert "does not match its own checksum" in flipped.error
    assert (page.exit_code, flipped.exit_code, fine.exit_code) == (65, 65, 0)
    assert fine.accuracy.accuracy == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"labels": ("red", "blue", "green")}, r"its labels \(red, blue, green\) are not those of colours"),
        ({"labels": ("cat", "dog", "cow")}, r"its labels \(cat, dog, cow\) are not those"),
        ({"side_px": 16}, "takes 16x16 px, the test images are prepared as 8x8 px"),
    ],
)
def test_a_file_for_other_pictures_or_labels_is_never_scored(colour_model, colours, changes, reason):
    (file,) = bench([colour_model(**changes)], colours, QUICK).files
    assert file.accuracy is None
    assert re.search(reason, file.error)


def test_nan_is_a_check_that_does_not_hold(colour_model, colours):
    (file,) = bench([colour_model(gains=(NAN, 1, 1))], colours, QUICK).files
    assert "gave NaN or infinity for 30 of 30 images" in file.error
    assert file.exit_code == 1
    assert file.accuracy is None


def test_a_process_that_dies_takes_nobody_with_it(colour_model, colours):
    psutil = pytest.importorskip("psutil")

    def kill(step: str) -> None:
        if step == "timing, window 2 of 3: doomed.onnx":
            for child in psutil.Process().children():
                if any(argument.endswith("doomed.onnx") for argument in child.cmdline()):
                    os.kill(child.pid, signal.SIGKILL)

    doomed, fine = bench([colour_model("doomed.onnx"), colour_model("fine.onnx")], colours, QUICK, kill).files
    assert "was ended by SIGKILL" in doomed.error
    assert len(doomed.latency.windows) == 1
    assert fine.error is None
    assert len(fine.latency.windows) == 3


def test_an_interruption_leaves_no_process_behind(colour_model, colours):
    psutil = pytest.importorskip("psutil")

    def interrupt(step: str) -> None:
        if step.startswith("timing"):
            raise KeyboardInterrupt

    before = set(psutil.Process().children())
    with pytest.raises(KeyboardInterrupt) as held:  # its traceback keeps what nobody closes alive
        bench([colour_model("a.onnx"), colour_model("b.onnx")], colours, QUICK, interrupt)
    assert set(psutil.Process().children()) <= before
    del held
