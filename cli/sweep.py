"""`edgecls sweep`: trains and exports a grid on Ray Tune, and names the best int8 file for a device."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ..edge_runtime.errors import CheckFailed, EdgeclsError, UsageError
from .messages import StepLine
from .sweep_grid import points_of

if TYPE_CHECKING:
    from ..sweep.report import Candidate, SweepReport


def sweep(
    data: str = typer.Option(
        "cifar10", help="As `edgecls train` takes it; every machine needs it at the same path."
    ),
    arch: str = typer.Option(
        "cnn,resnet8,nano", metavar="NAMES", help="Networks; see `edgecls train --list`."
    ),
    width: str | None = typer.Option(None, metavar="NUMBERS", help="For the networks that come in widths."),
    depth: str | None = typer.Option(None, metavar="NUMBERS", help="For the networks that come in depths."),
    size: str = typer.Option(
        "32", metavar="NUMBERS", help="Sides of the networks' square inputs, in pixels."
    ),
    recipe: str | None = typer.Option(
        None, metavar="NAMES", help="documented, best or both; by default each network's own."
    ),
    seed: str = typer.Option("0", metavar="NUMBERS", help="Each is a training of its own."),
    epochs: int | None = typer.Option(None, min=1, max=100_000, help="By default each recipe's."),
    output: Path = typer.Option(Path("sweep"), file_okay=False, help="The folder for all of it."),
    max_kb: float | None = typer.Option(
        None, min=0.001, help="The size that the device bears, in 1,000 bytes."
    ),
    max_ms: float | None = typer.Option(None, min=0.0001, help="The p50 for one picture, on this machine."),
    address: str | None = typer.Option(
        None, metavar="HOST:PORT", help="Join this Ray cluster; by default this machine works alone."
    ),
    cpus_per_trial: int = typer.Option(
        1, min=1, help="Cores for each training; as many train at a time as there is room for."
    ),
    seconds: float = typer.Option(3.0, min=0.01, help="For the latency of each file."),
    resume: bool = typer.Option(
        False,
        "--resume",
        help="Go on with an interrupted sweep, or enlarge one; give the same options.",
    ),
) -> None:
    """Train and export a grid; name the best int8 file for a limit.

    Several values make a grid: --arch nano,mobilenet --width 0.5,1 --seed 0,1,2
    """
    show = StepLine()
    try:
        from ..trainer.options import absolute_data

        data = absolute_data(data)
        points = points_of(
            data, epochs, arch=arch, size=size, seed=seed, recipe=recipe, width=width, depth=depth
        )
        _check_output(output, data)
        from ..sweep.report import Limits
        from ..sweep.sweep import SweepOptions
        from ..sweep.sweep import sweep as run

        limits = Limits(max_kb, max_ms)
        request = SweepOptions(
            points, data, output, limits, epochs, cpus_per_trial, address, resume=resume, seconds=seconds
        )
        report = run(request, _say, show)
    except KeyboardInterrupt:
        print(f"edgecls: interrupted{_way_on(output)}", file=sys.stderr)
        raise typer.Exit(130) from None
    _conclude(report, output)


def _say(line: str) -> None:
    print(f"edgecls: {line}", file=sys.stderr, flush=True)


def _check_output(output: Path, data: str) -> None:
    if Path(data).is_absolute() and output.resolve().is_relative_to(data):
        raise UsageError(f"--output {output}: lies inside the data {data}; choose another folder")


def _way_on(output: Path) -> str:
    """How to go on, where the sweep had begun."""
    if not (output / "sweep.json").exists():
        return ""
    arguments = [argument for argument in sys.argv[1:] if argument != "--resume"]
    return f"; go on with `edgecls {shlex.join([*arguments, '--resume'])}`"


def _conclude(report: "SweepReport", output: Path) -> None:
    """Prints what came of it, and ends with an error where a limit or a training did not hold."""
    from ..sweep.folder import PLOT, RESULTS
    from ..sweep.report import render

    print(f"{render(report)}\n\n{output / RESULTS}: all figures; {output / PLOT}: the front")
    for failure in report.failures:
        print(f"failed: {failure.name}: {failure.text}")
    if report.best:
        print(_best(report, report.best))
    if report.failures:
        first = report.failures[0]
        error = EdgeclsError(
            f"{len(report.failures)} failed, the first of them {first.name}: {first.text.rstrip('.')}; "
            "then run it again with --resume"
        )
        error.exit_code = first.exit_code
        raise error
    if report.best is None:
        raise CheckFailed(_none_fits(report))
    print(f"next: edgecls camera --model {shlex.quote(report.best.path)}")


def _best(report: "SweepReport", best: "Candidate") -> str:
    chosen = report.measured(best)
    under = f" under {report.limits.text}" if report.limits.text else ""
    return (
        f"best{under}: {best.path}: {best.val_accuracy:.2%} of the validation images, {best.size_kb:,} kB, "
        f"{best.p50_ms:.3f} ms\n"
        f"on the {chosen.trial.test_images:,} test images, by which nothing was chosen: "
        f"{chosen.record.test_accuracy:.2%}"
    )


def _none_fits(report: "SweepReport") -> str:
    from ..sweep.report import nearest_to

    nearest = nearest_to(report.ranking, report.limits)
    return (
        f"no file is under {report.limits.text}; the nearest is {nearest.path}: {nearest.size_kb:,} kB, "
        f"{nearest.p50_ms:.3f} ms, {nearest.val_accuracy:.2%}; sweep smaller networks, widths or sizes"
    )
