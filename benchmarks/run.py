"""The whole benchmark: all files take turns, step by step, and one report comes out."""

from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from ..edge_runtime.errors import EdgeclsError
from ..edge_runtime.model_file import ModelFormat, read_model
from .conclude import conclude
from .find_reference import Baseline
from .grouping import AT_ONCE, Grouping, grouped, places_of
from .held_out import HeldOut
from .leaks import find_leaks
from .machine import read_machine, read_state
from .measure import Subject, measure
from .peers.opening import installed_peers
from .report import BenchReport, LatencyReport, Settings


def bench(
    paths: Sequence[Path],
    tests: HeldOut,
    settings: Settings | None = None,
    on_step: Callable[[str], None] = lambda _: None,
    baseline: Baseline | None = None,
) -> BenchReport:
    """Measures model files side by side, and against the Keras originals among them.

    A file that fails has its error in its report, and the others go on.

    Args:
        paths: `.h5`, `.tflite` and `.onnx` files.
        tests: the images that each of them classifies.
        settings: how long, and on how many threads.
        on_step: told what is being done, for a progress line.
        baseline: a report with Keras originals that cannot be measured here.

    Raises:
        OutputFailed, PermissionRefused: the temporary folder cannot be written.
    """
    settings = settings or Settings()
    machine = read_machine()
    started_at = datetime.now().astimezone().isoformat(timespec="seconds")
    on_step("comparing the test images with the others")
    leaks = find_leaks(tests.images, tests.apart_from)
    subjects = [Subject(path) for path in paths] + (_with_peers(paths) if settings.peers else [])
    with TemporaryDirectory(prefix="edgecls-bench-") as name:
        files = tests.write(Path(name))
        grouping = measure_all(subjects, lambda s, how: measure(s, tests, files, how, on_step), settings)
    reports = conclude(subjects, tests, baseline)
    return BenchReport(started_at, machine, tests.report, settings, reports, read_state(), leaks, grouping)


def measure_all(
    subjects: Sequence[Subject], steps: Callable[[Subject, Settings], Generator[None]], settings: Settings
) -> Grouping | None:
    """Takes `steps` of all subjects in turns, group after group; None where one group was enough.

    In each group but the first, a file of an earlier one is timed again as the reference.
    """
    reference: Subject | None = None
    again: list[Subject] = []
    groups = list(grouped(subjects, lambda subject: places_of(subject.path), reserved=1))
    for group in groups:
        going = [(subject, steps(subject, settings)) for subject in group]
        if reference:
            again.append(Subject(reference.path))
            going.append((again[-1], steps(again[-1], replace(settings, cold_starts=0))))
        _take_turns(going)
        reference = reference or _reference_in(group)
    timed = [subject for subject in (reference, *again) if subject and subject.windows]
    if reference is None or len(groups) == 1:
        return None
    p50_ms = tuple(LatencyReport(tuple(subject.windows)).p50_ms for subject in timed)
    return Grouping(len(groups), AT_ONCE, str(reference.path), p50_ms)


def _reference_in(group: Sequence[Subject]) -> Subject | None:
    """The first healthy exported file: Keras takes seconds to open, and noise shows less in its times."""
    healthy = (subject for subject in group if subject.windows and not subject.error and not subject.peer)
    return next((s for s in healthy if s.model and s.model.format is not ModelFormat.H5), None)


def _with_peers(paths: Sequence[Path]) -> list[Subject]:
    """Each exported file again in every peer that is installed."""
    subjects = []
    for path in paths:
        with suppress(EdgeclsError):  # its own subject tells
            subjects += [Subject(path, peer=peer.name) for peer in installed_peers(read_model(path).format)]
    return subjects


def _take_turns(going: list[tuple[Subject, Generator[None]]]) -> None:
    """Goes round the files, one step of each; every other round backwards: no order favours a file."""
    with ExitStack() as stack:
        for _, steps in going:
            stack.callback(steps.close)
        while going:
            going = [(subject, steps) for subject, steps in going if _step(subject, steps)][::-1]


def _step(subject: Subject, steps: Generator[None]) -> bool:
    """Takes one step; whether there may be another."""
    try:
        next(steps)
    except StopIteration:
        return False
    except EdgeclsError as error:
        subject.error = error
        return False
    return True
