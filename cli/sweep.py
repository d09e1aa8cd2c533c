"""`edgecls sweep`: trains and exports a grid on Ray Tune, and names the best int8 file for a device."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from .. import sweep as sweeps
from .. import trainer
from ..edge_runtime.errors import CheckFailed, EdgeclsError, UsageError
from ..edge_runtime.text import columns_of, counted, wrap_for
from . import messages
from .sweep_grid import points_of

if TYPE_CHECKING:
    from ..sweep.report import Candidate, SweepReport

_GRID, _CHOICE, _MACHINES = "Grid: one value, or several separated by commas", "Choice", "Machines"


def sweep(
    data: str = typer.Option(
        "cifar10",
        "--data",
        "-d",
        help="A data set, as `edgecls train` takes it; every machine needs it at the same path.",
    ),
    zip_encoding: str | None = typer.Option(
        None, "--zip-encoding", metavar="NAME", help="As `edgecls train` takes it."
    ),
    output: Path = typer.Option(
        Path("sweep"), "--output", "-o", file_okay=False, help="Folder for all results."
    ),
    resume: bool = typer.Option(
        False, "--resume", help="Continue an interrupted sweep, or enlarge one; give the same options."
    ),
    arch: str = typer.Option(
        "cnn,resnet8,nano",
        metavar="NAMES",
        help="Networks; see `edgecls train --list`.",
        rich_help_panel=_GRID,
    ),
    width: str | None = typer.Option(
        None, metavar="NUMBERS", help="Widths, for the networks that have them.", rich_help_panel=_GRID
    ),
    depth: str | None = typer.Option(
        None, metavar="NUMBERS", help="Depths, for the networks that have them.", rich_help_panel=_GRID
    ),
    imgsz: str = typer.Option(
        "32",
        "--imgsz",
        metavar="NUMBERS",
        help="Sides of the networks' square inputs, in pixels.",
        rich_help_panel=_GRID,
    ),
    size: str | None = typer.Option(None, "--size", hidden=True, help="Old name of --imgsz."),
    recipe: str | None = typer.Option(
        None,
        metavar="NAMES",
        help="documented, best or both; by default each network's own.",
        rich_help_panel=_GRID,
    ),
    seed: str = typer.Option(
        "0", metavar="NUMBERS", help="Seeds; each is a training of its own.", rich_help_panel=_GRID
    ),
    epochs: int | None = typer.Option(
        None,
        min=1,
        max=100_000,
        help="Epochs of every training; by default each recipe's.",
        rich_help_panel=_GRID,
    ),
    max_kb: float | None = typer.Option(
        None, min=0.001, help="Largest file for the device, in 1,000 bytes.", rich_help_panel=_CHOICE
    ),
    max_ms: float | None = typer.Option(
        None,
        min=0.0001,
        help="Highest median latency for one picture on this machine, in ms.",
        rich_help_panel=_CHOICE,
    ),
    seconds: float = typer.Option(3.0, min=0.01, help="How long to time each file.", rich_help_panel=_CHOICE),
    address: str | None = typer.Option(
        None,
        metavar="HOST:PORT",
        help="Join this Ray cluster; by default this machine works alone.",
        rich_help_panel=_MACHINES,
    ),
    cpus_per_trial: int = typer.Option(
        1,
        min=1,
        help="Cores for each training; as many train at a time as fit.",
        rich_help_panel=_MACHINES,
    ),
) -> None:
    """Train and export a grid of networks, and name the best int8 file for a device.

    Examples:
        edgecls sweep --arch nano,mobilenet --width 0.5,1 --seed 0,1,2
        edgecls sweep --data photos/ --imgsz 32,48 --max-kb 200 --max-ms 5
        edgecls sweep --resume
    """
    show = messages.StepLine()
    try:
        data = trainer.absolute_data(data)
        points = points_of(
            data, epochs, arch=arch, imgsz=size or imgsz, seed=seed, recipe=recipe, width=width, depth=depth
        )
        _check_output(output, data)
        messages.detail(f"data: {data}; trainings: {', '.join(point.name for point in points)}")
        limits = sweeps.Limits(max_kb, max_ms)
        options = sweeps.SweepOptions(
            points,
            data,
            output,
            limits,
            epochs,
            cpus_per_trial,
            address,
            resume=resume,
            seconds=seconds,
            zip_encoding=zip_encoding,
        )
        report = sweeps.run_sweep(options, messages.note, show)
    except KeyboardInterrupt:
        messages.interrupted(can_resume=(output / "sweep.json").exists())
        raise typer.Exit(130) from None
    _print_report(report, output)


def _check_output(output: Path, data: str) -> None:
    if Path(data).is_absolute() and output.resolve().is_relative_to(data):
        raise UsageError(f"--output {output}: lies inside the data {data}; choose another folder")


def _print_report(report: "SweepReport", output: Path) -> None:
    """Prints the result; ends with an error where a limit or a training failed."""
    files = f"{output / sweeps.RESULTS}: all figures; {output / sweeps.PLOT}: the Pareto front"
    print(wrap_for(sys.stdout, f"{sweeps.render(report, columns_of(sys.stdout))}\n\n{files}"))
    for failure in report.failures:
        print(f"failed: {failure.name}: {failure.text}")
    if report.best:
        print(_best(report, report.best))
    if report.failures:
        first, number = report.failures[0], len(report.failures)
        count = counted(number, "training")
        error = EdgeclsError(
            f"{count} failed, first {first.name}: {first.text.rstrip('.')}; then run it again with --resume"
        )
        error.exit_code = first.exit_code
        raise error
    if report.best is None:
        raise CheckFailed(_none_fits(report))
    messages.show_next(f"edgecls camera --model {shlex.quote(report.best.path)}")


def _best(report: "SweepReport", best: "Candidate") -> str:
    chosen = report.measured(best)
    under = f" under {report.limits.text}" if report.limits.text else ""
    return (
        f"best{under}: {best.path}: validation accuracy {best.val_accuracy:.2%}, {best.size_kb:,} kB, "
        f"{best.p50_ms:.3f} ms\n"
        f"accuracy on the {chosen.trial.test_images:,} test images (not used to choose): "
        f"{chosen.record.test_accuracy:.2%}"
    )


def _none_fits(report: "SweepReport") -> str:
    nearest = sweeps.nearest_to(report.ranking, report.limits)
    return (
        f"no file is under {report.limits.text}; the nearest is {nearest.path}: {nearest.size_kb:,} kB, "
        f"{nearest.p50_ms:.3f} ms, {nearest.val_accuracy:.2%}; sweep smaller networks, widths or sizes"
    )
