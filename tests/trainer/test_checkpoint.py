import multiprocessing
import os
import random
import signal
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgecls.edge_runtime.errors import BadConfiguration, BadData, MissingInput, OutputFailed
from edgecls.trainer.checkpoint import (
    Checkpoint,
    TrainingState,
    check_data,
    check_options,
    check_teacher,
    checkpoint_path,
    read_checkpoint,
    write_checkpoint,
)
from edgecls.trainer.report import Epoch, Metrics

OPTIONS = {"--data": "digits", "--epochs": 5, "--dropout": 0.1, "--early-stopping": False}


def checkpoint(number: int = 1, values: int = 1000) -> Checkpoint:
    """One that says its number everywhere, so that a mixture of two would show."""
    epochs = tuple(Epoch(n, 0.5, *[Metrics(1 / n, 0.5)] * 3) for n in range(1, number + 1))
    variables = (np.full(values, number, np.float32), np.array(number, np.int64))
    return Checkpoint(
        OPTIONS, f"digest {number}", "teacher", TrainingState(epochs, variables, (np.full(7, number),))
    )


def write_for_ever(path: Path) -> None:
    number = 1
    while True:
        write_checkpoint(path, checkpoint(number, values=100_000))
        number = number % 50 + 1


def same(one: Checkpoint, other: Checkpoint) -> bool:
    return (
        (one.options, one.data_sha256, one.teacher_sha256, one.state.history)
        == (other.options, other.data_sha256, other.teacher_sha256, other.state.history)
        and all(map(np.array_equal, one.state.variables, other.state.variables))
        and all(map(np.array_equal, one.state.kept, other.state.kept))
    )


def test_what_is_written_can_be_read(tmp_path):
    path = checkpoint_path(tmp_path / "model.h5")
    write_checkpoint(path, checkpoint(3))
    assert path == tmp_path / "model" / "checkpoint.npz"
    assert same(read_checkpoint(path), checkpoint(3))
    assert [array.dtype for array in read_checkpoint(path).state.variables] == [np.float32, np.int64]


def test_a_hundred_kills_while_it_is_written_leave_the_old_or_the_new_one_never_a_part(tmp_path):
    path = tmp_path / "checkpoint.npz"
    write_checkpoint(path, checkpoint(1, values=100_000))
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "edgecls.trainer.checkpoint"])
    moments = random.Random(0)
    numbers = set()
    for _ in range(100):
        child = context.Process(target=write_for_ever, args=(path,))
        child.start()
        seen, writes = {path.stat().st_mtime_ns}, moments.randint(1, 5)
        while len(seen) <= writes:  # until it is at work
            time.sleep(0.001)
            seen.add(path.stat().st_mtime_ns)
        time.sleep(moments.uniform(0, 0.01))  # to be killed at some point, not to wait for anything
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        found = read_checkpoint(path)
        number = len(found.state.history)
        assert same(found, checkpoint(number, values=100_000))
        numbers.add(number)
    assert len(numbers) > 2  # it was hit at different moments


def test_a_full_disk_leaves_the_old_one(small_disk):
    path = small_disk / "checkpoint.npz"
    write_checkpoint(path, checkpoint(1))
    before = path.read_bytes()
    with pytest.raises(OutputFailed, match=r"cannot write .*checkpoint.npz: no space left on device"):
        write_checkpoint(path, checkpoint(2, values=2_000_000))
    assert path.read_bytes() == before
    assert list(small_disk.iterdir()) == [path]


def test_without_one_there_is_nothing_to_go_on_with(tmp_path):
    with pytest.raises(MissingInput, match=r"so there is no training to resume; leave --resume out"):
        read_checkpoint(tmp_path / "checkpoint.npz")


def test_a_damaged_one_is_an_error_wherever_it_is_cut(tmp_path):
    path = tmp_path / "checkpoint.npz"
    write_checkpoint(path, checkpoint(2))
    content = path.read_bytes()
    for share in np.linspace(0, 0.999, 20):
        path.write_bytes(content[: int(len(content) * share)])
        with pytest.raises(BadData, match=r"checkpoint.npz: damaged"):
            read_checkpoint(path)


def test_flipped_bits_are_seen(tmp_path):
    path = tmp_path / "checkpoint.npz"
    write_checkpoint(path, checkpoint(2))
    content = path.read_bytes()
    moments = random.Random(0)
    for _ in range(50):
        changed = bytearray(content)
        changed[moments.randrange(len(content))] ^= 1 << moments.randrange(8)
        path.write_bytes(changed)
        with suppress(BadData):
            assert same(read_checkpoint(path), checkpoint(2))  # the flip hit what nobody reads


@pytest.mark.parametrize(
    ("option", "now", "difference"),
    [
        ("--epochs", 7, "--epochs 5, not --epochs 7"),
        ("--data", "/home/pets", "--data digits, not --data /home/pets"),
        ("--early-stopping", True, "no --early-stopping, not --early-stopping"),
    ],
)
def test_other_options_are_refused_and_named(option, now, difference):
    check_options(checkpoint(), OPTIONS, Path("it"))
    with pytest.raises(
        BadConfiguration, match=f"it: this training was started with {difference}; give the same"
    ):
        check_options(checkpoint(), OPTIONS | {option: now}, Path("it"))


def test_changed_images_are_refused():
    check_data(checkpoint(1), "digest 1", Path("it"))
    with pytest.raises(BadConfiguration, match=r"it: the images have changed since"):
        check_data(replace(checkpoint(1), data_sha256="other"), "digest 1", Path("it"))


@pytest.mark.parametrize("now", ["another", None])
def test_another_teacher_is_refused(now):
    check_teacher(checkpoint(1), "teacher", Path("it"))
    with pytest.raises(BadConfiguration, match=r"it: the teacher's file has changed since .*--resume"):
        check_teacher(checkpoint(1), now, Path("it"))
