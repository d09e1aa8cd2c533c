import subprocess
import sys
import time

from edgecls.edge_runtime.camera.cpu_time import CpuMeter, process_cpu_s

BURN = """
import sys, threading, time
def burn(until_s):
    while time.process_time() < until_s: pass
for line in sys.stdin:
    threads = [threading.Thread(target=burn, args=(float(line),)) for _ in range(2)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    print(time.process_time(), flush=True)
"""


class Burner:
    """A process that uses as much processor time as it is told, in two threads."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", BURN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def burn(self, until_s: float) -> float:
        """Burns until it has used so much in all; gives what it says that was."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{until_s}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def end(self) -> None:
        self.process.communicate()


def test_another_process_is_measured_with_all_its_threads():
    burner = Burner()
    said_s = burner.burn(0.3)
    measured_s = process_cpu_s(burner.process.pid)
    burner.end()
    assert measured_s is not None
    assert said_s <= measured_s <= said_s + 0.1


def test_a_process_that_is_gone_has_no_time():
    burner = Burner()
    burner.end()
    assert process_cpu_s(burner.process.pid) is None


def test_capture_processes_are_added_up_one_after_the_other():
    first, second = Burner(), Burner()
    pids: list[int | None] = [None]
    meter = CpuMeter(lambda: pids[0])
    assert meter.used_s() <= time.process_time()
    own_s = time.process_time()
    used_s = [0.0]
    for burner, until_s in ((first, 0.2), (first, 0.4), (second, 0.2)):
        burner.burn(until_s)
        pids[0] = burner.process.pid
        used_s.append(meter.used_s())
    pids[0] = None
    used_s.append(meter.used_s())
    assert used_s == sorted(used_s)  # it never goes back
    spent_here_s = time.process_time() - own_s
    assert 0.6 <= used_s[-1] - own_s <= 0.75 + spent_here_s
    first.end()
    second.end()


def test_what_a_process_used_until_it_died_is_kept():
    burner = Burner()
    burner.burn(0.2)
    meter = CpuMeter(lambda: burner.process.pid)
    before_s = meter.used_s()
    burner.end()
    assert meter.used_s() >= before_s
