"""A sweep: trainings on the machines that Ray has, then the times of all files on this machine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..benchmarks.file_report import BenchSettings
from ..benchmarks.machine import timestamp
from ..benchmarks.side_by_side import SideBySide, time_files
from ..edge_runtime.errors import EdgeclsError
from ..edge_runtime.files import scratch_folder, write_whole
from .cluster import NodeFacts, check_machines, connected, node_facts, node_name, on_machine, tune
from .folder import PLOT, RESULTS, Plan, SweepFolder, open_folder
from .grid import GridPoint
from .plot import pareto_png
from .report import Failure, Limits, SweepReport, TimedFile
from .trial import Job, ResultStore, TrialContext, TrialRecord, read_trial, run_trial

OnLine = Callable[[str], None]
_ATTEMPTS = 4
"""For a trial whose worker or machine dies."""


@dataclass(frozen=True)
class SweepOptions:
    """What a sweep trains, where, and within which limits."""

    points: tuple[GridPoint, ...]
    """At least one."""
    data: str
    """As `--data` takes it; a path is absolute."""
    output: Path
    limits: Limits
    epochs: int | None = None
    """None is each recipe's own number."""
    cpus_per_trial: int = 1
    address: str | None = None
    """Of a Ray cluster to join; None is this machine only."""
    resume: bool = False
    seconds: float = 3.0
    """Time to measure the latency of each file."""
    program: tuple[str, ...] = ("-m", "edgecls.cli")
    """See `Job`."""
    zip_encoding: str | None = None
    """See `load_dataset`."""


def run_sweep(options: SweepOptions, on_line: OnLine, on_step: OnLine) -> SweepReport:
    """Trains and exports what is not there yet, times all files, and writes the results.

    Args:
        options: of the sweep.
        on_line: called with what happens to trials.
        on_step: called with what is being timed, for a progress line, and with an empty text at the end.

    Raises:
        EdgeclsError: the folder or the cluster cannot be used, or no file was made.
    """
    folder, failures = train_all(options, on_line)
    return _finish(options, folder, failures, on_step)


def train_all(options: SweepOptions, on_line: OnLine) -> tuple[SweepFolder, tuple[Failure, ...]]:
    """Runs the trials that are not finished yet: the first half of `run_sweep`."""
    here = node_facts(options.data, node_name())
    plan = Plan(options.data, here.data_digest, options.epochs, options.cpus_per_trial)
    folder = open_folder(options.output, plan, resume=options.resume)
    jobs = [
        Job(
            point,
            options.data,
            options.epochs,
            options.cpus_per_trial,
            options.program,
            options.zip_encoding,
        )
        for point in options.points
    ]
    to_do = [job for job in jobs if not folder.trial(job.point.name).exists()]
    on_line(f"{len(jobs)} trainings, {len(jobs) - len(to_do)} already finished")
    if not to_do:
        return folder, ()
    with connected(options.address):
        return folder, run_trials(to_do, folder, here, {"cpu": options.cpus_per_trial}, on_line)


def _finish(
    options: SweepOptions, folder: SweepFolder, failures: Sequence[Failure], on_step: OnLine
) -> SweepReport:
    """Times the files, now that no training runs beside them, and writes the results."""
    trials = [folder.trial(point.name) for point in options.points if folder.trial(point.name).exists()]
    records = {trial: read_trial(trial) for trial in trials}
    paths = [trial / file.file for trial, record in records.items() for file in record.files]
    if not paths:
        raise _as_error(failures)
    try:
        times = time_files(paths, BenchSettings(seconds=options.seconds), on_step)
    finally:
        on_step("")
    report = SweepReport(
        created_at=timestamp(),
        data=options.data,
        machine=times.machine,
        warnings=times.warnings,
        limits=options.limits,
        files=tuple(_measured(records, times)),
        failures=(
            *failures,
            *(Failure(path.name, str(error), error.exit_code) for path, error in times.errors.items()),
        ),
    )
    if not report.files:
        raise _as_error(report.failures)
    write_whole(folder.path / RESULTS, report.to_json())
    write_whole(folder.path / PLOT, pareto_png(report))
    return report


def _measured(records: dict[Path, TrialRecord], times: SideBySide) -> list[TimedFile]:
    measured = []
    for trial, record in records.items():
        for file in record.files:
            path = trial / file.file
            if path in times.errors:
                continue
            latency = times.latencies[path]
            p90_ms, p99_ms = latency.percentile_ms(90), latency.percentile_ms(99)
            size_bytes = path.stat().st_size
            measured.append(TimedFile(str(path), record, file, size_bytes, latency.p50_ms, p90_ms, p99_ms))
    return measured


def _as_error(failures: Sequence[Failure]) -> EdgeclsError:
    """Returns the first failure of a sweep without any file."""
    first = failures[0]
    error = EdgeclsError(f"{first.name}: {first.text}")
    error.exit_code = first.exit_code
    return error


def run_trials(
    jobs: Sequence[Job],
    folder: SweepFolder,
    here: NodeFacts,
    resources: dict[str, float],
    on_line: OnLine,
) -> tuple[Failure, ...]:
    """Runs the jobs by Ray Tune, which schedules them and runs those of a dead worker again.

    Args:
        jobs: at least one. Each leaves its files in `folder`.
        folder: of the sweep.
        here: facts that all machines must share.
        resources: of one trial, as Ray names them, such as `{"cpu": 1}`.
        on_line: called with what happens to trials.

    Raises:
        EdgeclsError: a machine has other data or software.
    """
    check_machines(jobs[0].data, here)
    trials = folder.trials.absolute()  # the store's process may have another working folder
    store = on_machine(ResultStore).remote(trials)
    context = TrialContext({job.point.name: job for job in jobs}, folder.key, here, store)
    with scratch_folder() as storage:
        tuner = tune.Tuner(
            tune.with_resources(tune.with_parameters(run_trial, context=context), resources),
            param_space={"name": tune.grid_search(list(context.jobs))},
            tune_config=tune.TuneConfig(trial_name_creator=_name, trial_dirname_creator=_name),
            run_config=tune.RunConfig(
                name="sweep",
                storage_path=str(storage),  # for Tune's own notes; finished trials are in our folder
                verbose=0,
                callbacks=[_TrialMessages(len(jobs), on_line)],
                failure_config=tune.FailureConfig(max_failures=_ATTEMPTS - 1),
            ),
        )
        results = tuner.fit()
    return tuple(failure for result in results if (failure := _failure(result)))


class _TrialMessages(tune.Callback):
    """Turns what Tune does with trials into messages."""

    def __init__(self, trials: int, on_line: OnLine) -> None:
        self._trials, self._finished, self._on_line = trials, 0, on_line

    def on_trial_start(self, *_: Any, trial: Any, **__: Any) -> None:
        """Called by Tune for each attempt."""
        again = " again" if trial.num_failures else ""
        self._on_line(f"{_name(trial)} started{again}")

    def on_trial_complete(self, *_: Any, trial: Any, **__: Any) -> None:
        """Called by Tune when a trial has reported."""
        result = trial.last_result
        self._finished += 1
        if "error" in result:
            text = f"failed on {result['node']}: {result['error']}"
        else:
            text = (
                f"validation accuracy {result['val_accuracy']:.2%}, "
                f"{result['seconds']:.0f} s on {result['node']}"
            )
        self._on_line(f"{self._finished} of {self._trials}: {_name(trial)}: {text}")

    def on_trial_recover(self, *_: Any, trial: Any, **__: Any) -> None:
        """Called by Tune when a worker died and the trial waits for another."""
        self._on_line(f"{_name(trial)} lost its worker; running it again")

    def on_trial_error(self, *_: Any, trial: Any, **__: Any) -> None:
        """Called by Tune when it gives a trial up."""
        self._finished += 1
        self._on_line(f"{self._finished} of {self._trials}: {_name(trial)}: given up")


def _name(trial: Any) -> str:
    return trial.config["name"]


def _failure(result: Any) -> Failure | None:
    name = (result.config or {}).get("name", "a trial")
    if result.error:
        last = str(result.error).strip().splitlines()[-1].strip()
        return Failure(name, f"its worker died {_ATTEMPTS} times; last error: {last}", 69)
    if "error" in result.metrics:
        return Failure(name, result.metrics["error"], result.metrics["exit_code"])
    return None
