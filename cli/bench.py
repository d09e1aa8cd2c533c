"""`edgecls bench`: exported files beside the Keras original, in one table; scaling; corruptions."""

import shlex
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from .. import benchmarks, edge_runtime
from ..edge_runtime.errors import EdgeclsError, Unavailable
from ..edge_runtime.files import check_writable, write_whole
from ..edge_runtime.images.picture_options import AS_THE_FILE_SAYS, PictureOptions
from ..edge_runtime.models.builtin import builtin_name
from ..edge_runtime.text import columns_of, wrap_for
from .messages import StepLine, show_next
from .model_options import (
    Labels,
    complete_models,
    with_picture_options,
)

if TYPE_CHECKING:
    from ..benchmarks.report import BenchReport

_OUTPUT, _CHECKS, _OTHER = "Output", "Checks, for CI", "Other measurements"


class Scaling(StrEnum):
    """What grows."""

    THREADS = "threads"
    RESOLUTION = "resolution"


@with_picture_options()
def bench(
    models: list[Path] | None = typer.Argument(
        None,
        metavar="MODELS...",
        autocompletion=complete_models,
        help="Files, folders, or names that `edgecls models` lists; by default all files in this folder.",
        show_default=False,
    ),
    data: str | None = typer.Option(
        None,
        "--data",
        "-d",
        help="The data set to test on; by default the one that the model was trained on.",
    ),
    images: int | None = typer.Option(
        None, min=1, help="At most this many test images, each class by its share; for slow machines."
    ),
    threads: int = typer.Option(1, min=1, max=1024, help="Threads of every engine."),
    seconds: float = typer.Option(
        3.0, min=0.01, help="How long to time each file; below 1, each starts once, not three times."
    ),
    peers: bool = typer.Option(
        False, "--peers", help="Also measure each file in other engines that are installed."
    ),
    json_file: Path | None = typer.Option(
        None,
        "--json",
        dir_okay=False,
        help="Write everything to this file, every single inference too.",
        rich_help_panel=_OUTPUT,
    ),
    csv_file: Path | None = typer.Option(
        None, "--csv", dir_okay=False, help="Write the table to this file.", rich_help_panel=_OUTPUT
    ),
    report_folder: Path | None = typer.Option(
        None,
        "--report",
        file_okay=False,
        help="Write a page with plots, and its JSON and CSV, to this folder.",
        rich_help_panel=_OUTPUT,
    ),
    against: Path | None = typer.Option(
        None,
        "--against",
        metavar="REPORT.json",
        dir_okay=False,
        help="An earlier --json: show what has changed since; where Keras cannot run here, take its "
        "figures from there.",
        rich_help_panel=_CHECKS,
    ),
    fail_under: list[str] | None = typer.Option(
        None,
        metavar="FIGURE=NUMBER",
        help="Exit with status 1 if a file is below this, such as accuracy=0.70.",
        rich_help_panel=_CHECKS,
    ),
    fail_over: list[str] | None = typer.Option(
        None,
        metavar="FIGURE=NUMBER",
        help="Exit with status 1 if a file is above this, such as p99_ms=5.",
        rich_help_panel=_CHECKS,
    ),
    labels: Labels = None,
    picture_options: PictureOptions = AS_THE_FILE_SAYS,
    scaling: Scaling | None = typer.Option(
        None,
        help="Measure how each file's cost grows, and plot it into this folder or that of --report.",
        rich_help_panel=_OTHER,
    ),
    corruptions: bool = typer.Option(
        False,
        "--corruptions",
        help="Measure accuracy on images degraded by JPEG, blur, noise, darkness or haze.",
        rich_help_panel=_OTHER,
    ),
) -> None:
    """Compare exported files with Keras: size, accuracy and speed.

    Examples:
        edgecls bench
        edgecls bench nano edge --data photos/ --report report/
        edgecls bench --against last.json --fail-under accuracy=0.70
        edgecls bench theirs.onnx --labels labels.txt --mean imagenet --data photos/
    """
    for written in filter(None, (json_file, csv_file)):
        check_writable(written)  # now, not after minutes of measuring
    named, under, over = models or [], fail_under or [], fail_over or []
    said = f" --labels {shlex.quote(str(labels))} {picture_options.text}".rstrip() if labels else ""
    if scaling:
        _bench_scaling(scaling, named, data, threads, seconds, json_file, report_folder or Path())
    elif corruptions:
        limits = benchmarks.parse_thresholds(under, over, benchmarks.CORRUPTION_FIGURES)
        _bench_corruptions(named, data, images, threads, limits, json_file, report_folder)
    else:
        limits = benchmarks.parse_thresholds(under, over)
        earlier = benchmarks.read_earlier(against) if against else None
        if report_folder:
            benchmarks.check_folder(report_folder)
        show = StepLine()
        try:
            report = benchmarks.bench(
                named,
                data=data,
                images=images,
                threads=threads,
                seconds=seconds,
                peers=peers,
                against=against,
                labels=labels,
                picture_options=picture_options,
                on_step=show,
            )
        finally:
            show("")
        if json_file:
            write_whole(json_file, report.to_json())
        if csv_file:
            write_whole(csv_file, report.to_csv())
        _print(benchmarks.render(report, columns_of(sys.stdout)))
        if report_folder:
            print(f"\nreport: {benchmarks.write_report(report_folder, report)}")
        if earlier:
            _print(f"\n{benchmarks.render_changes(earlier, report, columns_of(sys.stdout))}")
        benchmarks.check_measured([file for file in report.files if not file.peer], named)
        benchmarks.check_thresholds(report, limits)
        show_next(*_next_command(report, named, said), gap=True)


def _bench_scaling(
    kind: Scaling,
    named: Sequence[Path],
    data: str | None,
    threads: int,
    seconds: float,
    json_file: Path | None,
    folder: Path,
) -> None:
    plot_file = folder / f"scaling_{kind}.png"
    check_writable(plot_file)
    show = StepLine()
    try:
        report = benchmarks.bench_scaling(
            kind.value, named, data=data, threads=threads, seconds=seconds, on_step=show
        )
    finally:
        show("")
    if json_file:
        write_whole(json_file, report.to_json())
    _print(benchmarks.render_scaling(report, columns_of(sys.stdout)))
    if not any(line.points for line in report.lines):
        benchmarks.check_measured(report.lines)
    try:
        benchmarks.write_scaling_plot(plot_file, report)
    except Unavailable as error:  # a device has no matplotlib, and needs none
        print(f"\n{error}")
    else:
        print(f"\nplot: {plot_file}")


def _bench_corruptions(
    named: Sequence[Path],
    data: str | None,
    images: int | None,
    threads: int,
    limits: "Sequence[benchmarks.Threshold]",
    json_file: Path | None,
    folder: Path | None,
) -> None:
    if folder:
        benchmarks.check_plots(folder)
    show = StepLine()
    try:
        report = benchmarks.bench_corruptions(named, data=data, images=images, threads=threads, on_step=show)
    finally:
        show("")
    if json_file:
        write_whole(json_file, report.to_json())
    _print(benchmarks.render_corruptions(report, columns_of(sys.stdout)))
    benchmarks.check_measured(report.files, named)
    if folder:
        plot, examples = benchmarks.write_plots(folder, report)
        print(f"\nplot: {plot}; examples of the images: {examples}")
    benchmarks.check_figures({file.path: file.figures for file in report.files}, limits)


def _print(text: str) -> None:
    print(wrap_for(sys.stdout, text))


def _next_command(report: "BenchReport", named: Sequence[Path], said: str) -> tuple[str, str]:
    """What to type next, and why; `said` are the options of files made elsewhere."""
    if why := benchmarks.why_train_again(report):
        return "edgecls train --data FOLDER", f"{why}; with more --epochs or better pictures"
    if report.data.unscored:
        files = "".join(f"{shlex.quote(str(path))} " for path in named)
        return f"edgecls bench {files}--data FOLDER{said}", "test pictures in class folders, for accuracy"
    chosen = benchmarks.choose(report)
    if not chosen:
        return "edgecls export --int8", ""
    file, why = chosen
    model = builtin_name(Path(file.path)) or shlex.quote(file.path)
    return f"edgecls camera --model {model}{'' if _has_card(file.path) else said}", why


def _has_card(path: str) -> bool:
    try:
        edge_runtime.read_model(path)
    except EdgeclsError:
        return False
    return True
