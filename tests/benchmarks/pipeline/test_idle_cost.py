import subprocess
import sys
import time

import pytest
from edgecls.benchmarks.pipeline.frame_file import write_frames
from edgecls.benchmarks.pipeline.frames import VGA, camera_frames
from edgecls.benchmarks.pipeline.idle_cost import measure_idle_cost, run_program
from edgecls.benchmarks.pipeline.process_cost import cpu_s, family_of, memory_use
from edgecls.edge_runtime.errors import BadModel

BUSY = "while True: pass"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BUSY!r}])"
HOLDS_40_MB = "held = b'x' * 40_000_000; print('ready', flush=True); input()"
TALKS = "import time\nwhile True: print('label', flush=True); time.sleep(0.01)"


def python(code: str, **options) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", code], **options)


def wait_until(happened, timeout_s: float = 20.0) -> None:
    end_s = time.monotonic() + timeout_s
    while not happened():
        assert time.monotonic() < end_s, "waited in vain"
        time.sleep(0.01)


def test_the_processor_time_of_children_counts():
    with python(PARENT) as parent:
        try:
            wait_until(lambda: len(family_of(parent.pid)) == 2)
            family = family_of(parent.pid)
            assert family[0] == parent.pid
            before_s = cpu_s(family)
            wait_until(lambda: cpu_s(family) - before_s > 0.1)
        finally:
            for member in reversed(family_of(parent.pid)):
                subprocess.run(["kill", "-9", str(member)], check=False)


def test_memory_that_processes_share_counts_once():
    with (
        python(HOLDS_40_MB, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first,
        python(HOLDS_40_MB, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as second,
    ):
        for process in (first, second):
            assert process.stdout.readline()
        alone, both = memory_use([first.pid]), memory_use([first.pid, second.pid])
        for process in (first, second):
            process.kill()
    assert alone.together_bytes > 40_000_000
    assert both.together_bytes > 80_000_000
    assert both.together_bytes < 2 * alone.together_bytes  # the interpreter itself
    assert both.pss_bytes <= both.together_bytes <= both.rss_bytes


def test_a_process_that_is_gone_costs_nothing():
    with python("pass") as gone:
        gone.wait()
    assert memory_use([gone.pid]).rss_bytes == 0
    assert cpu_s([gone.pid]) == 0


def test_a_busy_program_costs_a_core_and_its_lines_are_counted():
    run = run_program([sys.executable, "-c", "while True: print('label', flush=True)"], 0.3, settles_s=0.0)
    assert run.cpu_share > 0.2
    assert run.labels_per_s > 100
    assert run.first_label_s > 0
    assert run.processes == 1


def test_a_program_that_rests_costs_little():
    run = run_program([sys.executable, "-c", TALKS], 0.3, settles_s=0.0)
    assert run.cpu_share < 0.2
    assert run.memory.together_bytes > 1_000_000


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise SystemExit(3)", "gave no label"),
        ("print('one', flush=True); input()", "gave no label in 0.1 s"),
    ],
)
def test_a_program_without_labels_is_an_error(code, reason):
    with pytest.raises(BadModel, match=reason):
        run_program([sys.executable, "-c", code], 0.1, settles_s=0.0)


def test_the_real_camera_command_and_the_naive_program_are_measured_in_turn(tiny, tmp_path):
    pictures = list(tiny.dataset.test.images[:4][..., ::-1])
    write_frames(tmp_path / "a.frames", camera_frames(pictures, VGA, 4))
    steps: list[str] = []
    report = measure_idle_cost(
        tiny.files[2], tiny.files[1], tmp_path / "a.frames", 0.5, on_step=steps.append, rounds=1
    )
    (ours,), (naive,) = report.ours, report.naive
    assert ours.processes == 2  # the loop, and the one that captures
    assert naive.processes == 1
    assert 0 < ours.cpu_share < 2
    assert ours.labels_per_s > 1
    assert ours.memory.together_bytes > 20_000_000
    assert [step.partition(": ")[2] for step in steps] == ["edgecls camera", "the naive program"]
