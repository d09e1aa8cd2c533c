"""`edgecls bench`: every exported file beside the Keras original, in one table."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ..edge_runtime.files import check_writable, write_whole
from .bench_corruptions import bench_corruptions
from .bench_modes import only_mode
from .bench_scaling import Scaling, bench_scaling
from .messages import StepLine

if TYPE_CHECKING:
    from ..benchmarks.report import BenchReport, Settings
    from ..benchmarks.test_images import HeldOut
    from ..benchmarks.thresholds import Threshold


def bench(
    models: list[Path] | None = typer.Argument(
        None,
        help="Files, folders, or names that `edgecls models` lists; by default all files in this folder.",
        show_default=False,
    ),
    data: str | None = typer.Option(
        None, help="The data set to test on; by default the one that the model was trained on."
    ),
    images: int | None = typer.Option(
        None, min=1, help="At most this many test images, each class by its share; for slow machines."
    ),
    threads: int = typer.Option(1, min=1, help="For every engine."),
    seconds: float = typer.Option(3.0, min=0.01, help="For the latency of each file."),
    json_file: Path | None = typer.Option(
        None, "--json", dir_okay=False, help="Write all of it to this file, each single inference too."
    ),
    csv_file: Path | None = typer.Option(None, "--csv", dir_okay=False, help="Write the table to this file."),
    report_folder: Path | None = typer.Option(
        None,
        "--report",
        file_okay=False,
        help="Write a page to look at, its plots, JSON and CSV to this folder.",
    ),
    compare: Path | None = typer.Option(None, dir_okay=False, help="Show what changed since this --json."),
    fail_under: list[str] | None = typer.Option(
        None, metavar="FIGURE=NUMBER", help="End with 1 where a file has less, such as accuracy=0.70."
    ),
    fail_over: list[str] | None = typer.Option(
        None, metavar="FIGURE=NUMBER", help="End with 1 where a file has more, such as p99_ms=5."
    ),
    baseline: Path | None = typer.Option(
        None, dir_okay=False, help="A workstation's --json, for the Keras original on a device without it."
    ),
    scaling: Scaling | None = typer.Option(
        None, help="Measure how each file's cost grows instead; a plot goes to this folder, or to --report."
    ),
    peers: bool = typer.Option(
        False, "--peers", help="Measure each file in other engines that are installed, too."
    ),
    corruptions: bool = typer.Option(
        False, "--corruptions", help="Score images that JPEG, blur, noise, darkness or haze spoil instead."
    ),
) -> None:
    """Compare exported files with Keras: size, accuracy and speed."""
    mode = only_mode(
        {"scaling": scaling, "corruptions": corruptions},
        {
            "models": models,
            "images": images,
            "csv": csv_file,
            "report": report_folder,
            "compare": compare,
            "fail-under": fail_under,
            "fail-over": fail_over,
            "baseline": baseline,
            "peers": peers,
        },
    )
    from ..benchmarks.model_files import find_model_files
    from ..benchmarks.report import Settings

    show = StepLine()
    if mode == "corruptions":
        from ..benchmarks.corruptions.run import FIGURES

        limits = _thresholds(fail_under or [], fail_over or [], FIGURES)
        bench_corruptions(models or [], data, images, threads, limits, json_file, report_folder, show)
    elif scaling:
        paths = find_model_files(models or [])
        bench_scaling(scaling, paths, data, threads, seconds, json_file, report_folder or Path(), show)
    else:
        _bench_files(
            models or [],
            data,
            images,
            Settings(threads=threads, seconds=seconds, peers=peers),
            json_file=json_file,
            csv_file=csv_file,
            report_folder=report_folder,
            compare=compare,
            limits=_thresholds(fail_under or [], fail_over or []),
            baseline=baseline,
        )


def _bench_files(
    named: Sequence[Path],
    data: str | None,
    images: int | None,
    settings: "Settings",
    *,
    json_file: Path | None,
    csv_file: Path | None,
    report_folder: Path | None,
    compare: Path | None,
    limits: "list[Threshold]",
    baseline: Path | None,
) -> None:
    from ..benchmarks.earlier import Baseline, read_earlier, render_changes
    from ..benchmarks.model_files import find_model_files
    from ..benchmarks.render import render
    from ..benchmarks.run import bench as measure
    from ..benchmarks.run import check_measured
    from ..benchmarks.test_images import bench_images
    from ..benchmarks.thresholds import check_thresholds

    earlier = read_earlier(compare) if compare else None
    originals = Baseline(str(baseline), read_earlier(baseline)) if baseline else None
    paths = find_model_files(named)
    show = StepLine()
    for output in filter(None, (json_file, csv_file)):
        check_writable(output)  # now, not after minutes of measuring
    if report_folder:
        _check_report_folder(report_folder)
    tests = bench_images(paths, data, images)
    try:
        report = measure(paths, tests, settings, show, originals)
    finally:
        show("")
    if json_file:
        write_whole(json_file, report.to_json())
    if csv_file:
        write_whole(csv_file, report.to_csv())
    print(render(report))
    if report_folder:
        print(f"\nreport: {_write_report(report_folder, report, tests)}")
    if earlier:
        print(f"\n{render_changes(earlier, report)}")
    check_measured([file for file in report.files if not file.peer], named)
    check_thresholds(report, limits)
    print(f"\n{_next_command(report, named)}")


def _check_report_folder(folder: Path) -> None:
    from ..benchmarks.page.page import check_folder  # matplotlib: that it is missing is told now

    check_folder(folder)


def _write_report(folder: Path, report: "BenchReport", tests: "HeldOut") -> Path:
    from ..benchmarks.page.page import write_report

    return write_report(folder, report, tests)


def _thresholds(
    under: Sequence[str], over: Sequence[str], figures: Sequence[str] | None = None
) -> "list[Threshold]":
    from ..benchmarks.thresholds import parse_threshold

    return [parse_threshold(text, "under", figures) for text in under] + [
        parse_threshold(text, "over", figures) for text in over
    ]


def _next_command(report: "BenchReport", named: Sequence[Path]) -> str:
    from ..benchmarks.report import choose

    if report.data.unscored:
        files = "".join(f"{shlex.quote(str(path))} " for path in named)
        return f"next: edgecls bench {files}--data FOLDER   (test pictures in class folders, for accuracy)"
    chosen = choose(report)
    if not chosen:
        return "next: edgecls export --int8"
    file, why = chosen
    return f"next: edgecls camera --model {shlex.quote(file.path)}   ({why})"
