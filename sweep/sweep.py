"""The whole sweep: trainings where Ray has room for them, then the times of all files on this machine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ..benchmarks.report import Settings
from ..benchmarks.side_by_side import SideBySide, time_files
from ..edge_runtime.errors import EdgeclsError
from ..edge_runtime.files import write_whole
from .folder import PLOT, RESULTS, Plan, SweepFolder, open_folder
from .grid import Point
from .job import Job
from .node import node_facts, node_name
from .rank import Limits
from .report import Failure, Measured, SweepReport
from .trial_record import TrialRecord, read_trial

Told = Callable[[str], None]


@dataclass(frozen=True)
class Request:
    """What a sweep is asked for."""

    points: tuple[Point, ...]
    """At least one."""
    data: str
    """As `--data` takes it; a path is absolute."""
    output: Path
    limits: Limits
    epochs: int | None = None
    """None is each recipe's."""
    cpus_per_trial: int = 1
    address: str | None = None
    """Of a Ray cluster to join; None is this machine alone."""
    resume: bool = False
    seconds: float = 3.0
    """For the latency of each file."""
    program: tuple[str, ...] = ("-m", "edgecls.cli")
    """See `Job`."""


def sweep(request: Request, on_line: Told, on_step: Told) -> SweepReport:
    """Trains and exports what is not there yet, times all files, and writes the results.

    Args:
        request: what is asked.
        on_line: told what happens to trials, for people.
        on_step: told what is being timed, for a progress line; an empty text at the end.

    Raises:
        EdgeclsError: the folder or the cluster cannot be used, or there is no file at all.
    """
    folder, failures = train_all(request, on_line)
    return _conclude(request, folder, failures, on_step)


def train_all(request: Request, on_line: Told) -> tuple[SweepFolder, tuple[Failure, ...]]:
    """The first half of `sweep`: what is finished before is left as it is."""
    here = node_facts(request.data, node_name())
    plan = Plan(request.data, here.data_digest, request.epochs, request.cpus_per_trial)
    folder = open_folder(request.output, plan, resume=request.resume)
    jobs = [
        Job(point, request.data, request.epochs, request.cpus_per_trial, request.program)
        for point in request.points
    ]
    to_do = [job for job in jobs if not folder.trial(job.point.name).exists()]
    on_line(f"{len(jobs)} trainings, {len(jobs) - len(to_do)} of them finished before")
    if not to_do:
        return folder, ()
    from .cluster import connected  # noqa: PLC0415 - a sweep that is finished needs no Ray
    from .run import run_trials  # noqa: PLC0415

    with connected(request.address):
        return folder, run_trials(to_do, folder, here, {"cpu": request.cpus_per_trial}, on_line)


def _conclude(
    request: Request, folder: SweepFolder, failures: Sequence[Failure], on_step: Told
) -> SweepReport:
    """Times the files, now that nothing else of ours runs, and writes the results."""
    trials = [folder.trial(point.name) for point in request.points if folder.trial(point.name).exists()]
    records = {trial: read_trial(trial) for trial in trials}
    paths = [trial / file.file for trial, record in records.items() for file in record.files]
    if not paths:
        raise _as_error(failures)
    try:
        times = time_files(paths, Settings(seconds=request.seconds), on_step)
    finally:
        on_step("")
    report = SweepReport(
        created_at=datetime.now().astimezone().isoformat(timespec="seconds"),
        data=request.data,
        machine=times.machine,
        warnings=times.warnings,
        limits=request.limits,
        files=tuple(_measured(records, times)),
        failures=(
            *failures,
            *(Failure(path.name, str(error), error.exit_code) for path, error in times.errors.items()),
        ),
    )
    if not report.files:
        raise _as_error(report.failures)
    from .plot import pareto_png  # noqa: PLC0415 - matplotlib takes a second, which --help need not wait for

    write_whole(folder.path / RESULTS, report.to_json())
    write_whole(folder.path / PLOT, pareto_png(report))
    return report


def _measured(records: dict[Path, TrialRecord], times: SideBySide) -> list[Measured]:
    measured = []
    for trial, record in records.items():
        for file in record.files:
            path = trial / file.file
            if path in times.errors:
                continue
            latency = times.latencies[path]
            p90_ms, p99_ms = latency.percentile_ms(90), latency.percentile_ms(99)
            size_bytes = path.stat().st_size
            measured.append(Measured(str(path), record, file, size_bytes, latency.p50_ms, p90_ms, p99_ms))
    return measured


def _as_error(failures: Sequence[Failure]) -> EdgeclsError:
    """The first failure, of a sweep without any file."""
    first = failures[0]
    error = EdgeclsError(f"{first.name}: {first.text}")
    error.exit_code = first.exit_code
    return error
