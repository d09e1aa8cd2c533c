import numpy as np
import pytest
from edgecls.benchmarks.training.programs import TrainingArrays, run_naive, run_ours, write_arrays
from edgecls.edge_runtime.errors import Unavailable


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
def test_the_programs_side_by_side(run_edgecls, tmp_path):
    done = run_edgecls("bench", "--training", "--data", "digits", "--epochs", 2, cwd=tmp_path, timeout=1200)
    assert done.returncode == 0, done.stderr
    assert "images per second, edgecls / naive" in done.stdout
    assert "| edgecls, bfloat16 |" in done.stdout
