"""Whether more threads help: each file at 1, 2, 4, ... threads, one image at a time."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from ..grouping import places_of
from ..timed_file import TimedFile, timed_file
from .probe import Opened, Probe, Subject, Timing


def thread_counts(cores: int) -> tuple[int, ...]:
    """1, 2, 4, ... and the number of cores."""
    doubled = [2**power for power in range(cores.bit_length()) if 2**power < cores]
    return (*doubled, cores)


def threads_subject(path: Path, images: Path, counts: Sequence[int]) -> Subject:
    """One process for each number of threads; `images` is an .npy, uint8 (N, H, W, 3) RGB."""

    def open_all(stack: ExitStack) -> Opened:
        processes = [stack.enter_context(timed_file(path, images, count)) for count in counts]
        loads = [process.opened() for process in processes]
        probes = [_probe(process, count) for process, count in zip(processes, counts, strict=True)]
        return Opened(loads[0].engine, probes)

    return Subject(path, len(counts) * places_of(path), open_all)


def _probe(process: TimedFile, count: int) -> Probe:
    return Probe(count, str(count), lambda seconds: Timing(process.time_window(seconds)))
