import json

import numpy as np
import pytest

from edgecls.benchmarks.machine import Machine
from edgecls.edge_runtime.errors import Unavailable
from tests.tools.test_main import run_tools
from tools.training import (
    ProgramReport,
    TrainingArrays,
    TrainingReport,
    TrainingRun,
    render,
    run_naive,
    run_ours,
    write_arrays,
)


@pytest.fixture(scope="module")
def arrays(tmp_path_factory):
    """A few dark and bright images, as the naive program reads them."""
    truth = np.arange(64) % 2
    noise = np.random.default_rng(0).integers(0, 60, (64, 18, 18, 3))
    part = (noise + 150 * truth[:, None, None, None]).astype(np.uint8), truth
    made = TrainingArrays(part, part, part)
    folder = tmp_path_factory.mktemp("arrays")
    write_arrays(made, folder)
    return made, folder


def test_held_out_are_the_images_that_our_training_evaluates_too(arrays):
    made, folder = arrays
    assert made.size_bytes == 3 * 64 * 18 * 18 * 3
    assert len(np.load(folder / "held_out_images.npy")) == len(np.load(folder / "held_out_truth.npy")) == 128


def test_the_naive_program_learns_and_is_watched(arrays):
    run = run_naive(arrays[1], epochs=3, seed=0)
    assert len(run.epoch_s) == 3
    assert run.accuracy == pytest.approx(1.0, abs=0.05)
    assert run.peak_bytes > 200_000_000  # TensorFlow alone
    assert sum(run.epoch_s) < run.seconds


def test_a_program_that_fails_is_told_with_its_own_last_line(tmp_path):
    with pytest.raises(Unavailable, match=r"ended with 66: edgecls: error: .*no such"):
        run_ours(tmp_path, str(tmp_path / "nothing"), 32, epochs=1, seed=0)


@pytest.mark.slow
def test_the_programs_side_by_side(tmp_path):
    done = run_tools("training", "--data", "digits", "--epochs", 2, cwd=tmp_path, timeout_s=1200)
    assert done.returncode == 0, done.stderr
    assert "images per second, edgecls / naive" in done.stdout
    assert "| edgecls, bfloat16 |" in done.stdout


MACHINE = Machine("a processor", 2, None, 0.1, "Linux", "3.11")
MB = 1_000_000


def program(
    name: str, *epochs: tuple[float, ...], accuracy: float = 0.7, peak_mb: int = 1000
) -> ProgramReport:
    runs = tuple(TrainingRun(seconds, accuracy, peak_mb * MB, 20.0) for seconds in epochs)
    return ProgramReport(name, runs, TrainingRun((1.0,), 0.9, 700 * MB, 9.0))


def report(naive: ProgramReport, ours: ProgramReport) -> TrainingReport:
    return TrainingReport(MACHINE, "cifar10", 32, 1000, 200 * MB, 3, naive, ours, BFLOAT16)


NAIVE = program("naive", (9.0, 4.0, 4.0), (9.0, 8.0, 8.0), (9.0, 5.0, 5.0), peak_mb=1700)
BFLOAT16 = program("edgecls, bfloat16", *[(9.0, 1.0, 1.0)] * 3)
OURS = program("edgecls", (9.0, 2.0, 2.0), (9.0, 4.0, 4.0), (9.0, 1.0, 1.0))


def test_the_first_epoch_is_left_out_unless_there_is_no_other():
    assert TrainingRun((9.0, 2.0, 3.0), 0.7, 0, 20.0).steady_s == (2.0, 3.0)
    assert TrainingRun((9.0,), 0.7, 0, 20.0).steady_s == (9.0,)


def test_the_ratio_is_the_median_of_the_rounds_so_that_a_slow_round_slows_both():
    assert report(NAIVE, OURS).ratio(OURS) == pytest.approx(2.0)


def test_memory_is_what_the_data_added_in_data_sets():
    assert NAIVE.data_sets(200 * MB) == pytest.approx(5.0)
    assert OURS.data_sets(200 * MB) == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("ours", "met"),
    [
        (OURS, [True, True, True]),
        (program("edgecls", *[(9.0, 3.0)] * 3), [False, True, True]),
        (program("edgecls", *[(9.0, 1.0)] * 3, accuracy=0.67), [True, False, True]),
        (program("edgecls", *[(9.0, 1.0)] * 3, peak_mb=1101), [True, True, False]),
    ],
    ids=["all", "too slow", "not as accurate", "too much memory"],
)
def test_goals(ours, met):
    assert [goal.met for goal in report(NAIVE, ours).goals] == met


def test_where_the_system_does_not_tell_memory_there_is_no_goal_for_it():
    silent = ProgramReport("edgecls", tuple(TrainingRun((1.0,), 0.7, 0, 9.0) for _ in range(3)), NAIVE.small)
    assert len(report(NAIVE, silent).goals) == 2


def test_the_table_and_the_json_hold_the_figures():
    text = render(report(NAIVE, OURS))
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if "|" in line
    ]
    assert rows[2] == [
        "naive",
        "200",
        "125 to 250",
        "1.00",
        "70.00 (70.00 to 70.00)",
        "20.0",
        "1,700",
        "5.00",
    ]
    assert rows[3][:4] == ["edgecls", "500", "250 to 1,000", "2.00"]
    assert rows[4][:4] == ["edgecls, bfloat16", "1,000", "1,000 to 1,000", "5.00"]
    document = json.loads(report(NAIVE, OURS).to_json())
    assert document["figures"]["ours"]["ratio"] == pytest.approx(2.0)
    assert document["ours"]["runs"][2]["epoch_s"] == [9.0, 1.0, 1.0]
    assert document["figures"]["naive"]["data_sets"] == pytest.approx(5.0)
