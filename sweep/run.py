"""All trials of a sweep on Ray Tune, which schedules them and runs those of a dead worker again."""

import tempfile
from collections.abc import Callable, Sequence
from typing import Any

from .cluster import check_machines, on_machine  # first: it says what to do where Ray is missing
from .folder import SweepFolder
from .job import Job
from .node import NodeFacts
from .report import Failure
from .trial import Errand, Keeper, run_trial

from ray import tune  # isort: skip

_ATTEMPTS = 4
"""Of a trial whose worker or machine dies."""


def run_trials(
    jobs: Sequence[Job],
    folder: SweepFolder,
    here: NodeFacts,
    resources: dict[str, float],
    on_line: Callable[[str], None],
) -> tuple[Failure, ...]:
    """Runs the jobs on the machines that Ray has, as many at a time as there is room for.

    Args:
        jobs: at least one. Each leaves its files in `folder`.
        folder: of the sweep.
        here: facts that all machines must share.
        resources: that one trial takes, as Ray names them, such as `{"cpu": 1}`.
        on_line: told what happens, for people.

    Raises:
        EdgeclsError: a machine has other data or software.
    """
    check_machines(jobs[0].data, here)
    trials = folder.trials.absolute()  # the keeper's process may have been started in another folder
    keeper = on_machine(Keeper).remote(trials)
    errand = Errand({job.point.name: job for job in jobs}, folder.key, here, keeper)
    with tempfile.TemporaryDirectory(prefix="edgecls-tune-") as storage:
        tuner = tune.Tuner(
            tune.with_resources(tune.with_parameters(run_trial, errand=errand), resources),
            param_space={"name": tune.grid_search(list(errand.jobs))},
            tune_config=tune.TuneConfig(trial_name_creator=_name, trial_dirname_creator=_name),
            run_config=tune.RunConfig(
                name="sweep",
                storage_path=storage,  # of Tune's own notes: a finished trial is in our folder
                verbose=0,
                callbacks=[_Told(len(jobs), on_line)],
                failure_config=tune.FailureConfig(max_failures=_ATTEMPTS - 1),
            ),
        )
        results = tuner.fit()
    return tuple(failure for result in results if (failure := _failure(result)))


class _Told(tune.Callback):
    """Tells people what happens to trials."""

    def __init__(self, trials: int, on_line: Callable[[str], None]) -> None:
        self._trials, self._finished, self._on_line = trials, 0, on_line

    def on_trial_start(self, *_: Any, trial: Any, **__: Any) -> None:
        """Called by Tune, also for another attempt."""
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
                f"{result['val_accuracy']:.2%} of the validation images, "
                f"after {result['seconds']:.0f} s on {result['node']}"
            )
        self._on_line(f"{self._finished} of {self._trials}: {_name(trial)}: {text}")

    def on_trial_recover(self, *_: Any, trial: Any, **__: Any) -> None:
        """Called by Tune when a worker died and the trial waits for another."""
        self._on_line(f"{_name(trial)} lost its worker; it runs again")

    def on_trial_error(self, *_: Any, trial: Any, **__: Any) -> None:
        """Called by Tune when it has given a trial up."""
        self._finished += 1
        self._on_line(f"{self._finished} of {self._trials}: {_name(trial)}: given up")


def _name(trial: Any) -> str:
    return trial.config["name"]


def _failure(result: Any) -> Failure | None:
    name = (result.config or {}).get("name", "a trial")
    if result.error:
        last = str(result.error).strip().splitlines()[-1].strip()
        return Failure(name, f"its worker died {_ATTEMPTS} times, lastly: {last}", 69)
    if "error" in result.metrics:
        return Failure(name, result.metrics["error"], result.metrics["exit_code"])
    return None
