"""Fuzzing: what counts as a find, and that the same seed repeats it."""

import random
import time
from pathlib import Path

import pytest

from edgecls.edge_runtime.errors import BadData
from tools.fuzz import Target, fuzz, targets, trouble_of


def reader(error: Exception | None = None, seconds: float = 0.0) -> Target:
    def read(_: bytes) -> None:
        end_s = time.thread_time() + seconds
        while time.thread_time() < end_s:
            pass
        if error:
            raise error

    return Target(read, (b"content",), (b"word",))


@pytest.mark.parametrize(
    ("target", "trouble"),
    [
        (reader(), ""),
        (reader(BadData("a: not a text; write one")), ""),
        (reader(KeyError("a")), "Traceback"),
        (reader(RecursionError()), "Traceback"),
        (reader(seconds=1.05), "took 1."),
    ],
)
def test_an_input_is_read_or_refused_in_one_line_and_in_time(target: Target, trouble: str):
    found = trouble_of(target, b"content")
    assert found.startswith(trouble)
    assert bool(found) is bool(trouble)


def test_finds_are_counted_and_kept(tmp_path: Path, capsys):
    finds = fuzz("labels", reader(KeyError()), 7, 0.01, tmp_path / "finds")
    assert finds == len(list((tmp_path / "finds").iterdir())) > 0
    assert f"labels: {finds} inputs, {finds} finds" in capsys.readouterr().out


def test_each_target_reads_its_samples_and_a_seed_gives_the_same_inputs(tmp_path: Path):
    for name, target in targets(tmp_path).items():
        for content in target.samples:
            assert trouble_of(target, content) == "", name
        inputs = [target.damaged(random.Random(f"{name} {number}")) for number in range(20)]
        assert inputs == [target.damaged(random.Random(f"{name} {number}")) for number in range(20)]
        assert len(set(inputs)) > 10
