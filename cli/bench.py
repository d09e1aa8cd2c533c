"""`edgecls bench`: every exported file beside the Keras original, in one table."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ..edge_runtime.errors import EdgeclsError
from ..edge_runtime.files import check_writable, write_whole
from .bench_corruptions import bench_corruptions
from .bench_images import bench_images
from .bench_modes import only_mode
from .bench_pipeline import bench_pipeline
from .bench_sweep import Sweep, bench_sweep
from .bench_training import bench_training
from .steps import StepLine

if TYPE_CHECKING:
    from ..benchmarks.corruptions.report import FileReport as CorruptedFile
    from ..benchmarks.held_out import HeldOut
    from ..benchmarks.report import BenchReport, FileReport, Settings
    from ..benchmarks.thresholds import Threshold
    from ..edge_runtime.model_file import ModelFile


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
    sweep: Sweep | None = typer.Option(
        None, help="Measure how each file's cost grows instead; a plot goes to this folder, or to --report."
    ),
    peers: bool = typer.Option(
        False, "--peers", help="Measure each file in other engines that are installed, too."
    ),
    pipeline: bool = typer.Option(
        False, "--pipeline", help="Measure the way from a camera's JPEG to a label instead; two minutes."
    ),
    corruptions: bool = typer.Option(
        False, "--corruptions", help="Score images that JPEG, blur, noise, darkness or haze spoil instead."
    ),
    training: bool = typer.Option(
        False, "--training", help="Time `edgecls train` beside a plain Keras program instead; half an hour."
    ),
    epochs: int | None = typer.Option(None, min=1, help="Of each training, with --training."),
) -> None:
    """Compare exported files with Keras: size, accuracy and speed."""
    mode = only_mode(
        {"training": training, "sweep": sweep, "pipeline": pipeline, "corruptions": corruptions},
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
            "epochs": epochs,
        },
    )
    from ..benchmarks.model_files import find_model_files
    from ..benchmarks.report import Settings

    show = StepLine()
    if mode == "training":
        bench_training(data, epochs, json_file, show)
    elif mode == "corruptions":
        from ..benchmarks.corruptions.report import FIGURES

        limits = _thresholds(fail_under or [], fail_over or [], FIGURES)
        bench_corruptions(models or [], data, images, threads, limits, json_file, report_folder, show)
    elif mode == "pipeline":
        bench_pipeline(find_model_files(models or []), data, images, threads, seconds, json_file, show)
    elif sweep:
        paths = find_model_files(models or [])
        bench_sweep(sweep, paths, data, threads, seconds, json_file, report_folder or Path(), show)
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
    from ..benchmarks.compare import read_earlier, render_changes
    from ..benchmarks.find_reference import Baseline
    from ..benchmarks.model_files import find_model_files
    from ..benchmarks.render import render
    from ..benchmarks.run import bench as measure
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
    from ..benchmarks.page.folder import check_folder  # matplotlib: that it is missing is told now

    check_folder(folder)


def _write_report(folder: Path, report: "BenchReport", tests: "HeldOut") -> Path:
    from ..benchmarks.page.folder import write_report

    return write_report(folder, report, tests)


def _thresholds(
    under: Sequence[str], over: Sequence[str], figures: Sequence[str] | None = None
) -> "list[Threshold]":
    from ..benchmarks.thresholds import parse_threshold

    return [parse_threshold(text, "under", figures) for text in under] + [
        parse_threshold(text, "over", figures) for text in over
    ]


def held_out_images(model: "ModelFile", data: str | None, limit: int | None) -> "HeldOut":
    """The test images of the data set that was named, or that the model was trained on.

    Raises:
        MissingInput: a model in the box has no data set here, and none is named.
        EdgeclsError: see `training_data`.
    """
    from ..benchmarks.held_out import HeldOut
    from ..edge_runtime.boxed import boxed_name
    from ..edge_runtime.errors import MissingInput
    from .training_data import training_data

    boxed = boxed_name(model.path)
    if boxed and data is None:
        raise MissingInput(f"{boxed} comes without test pictures; name a data set of its classes with --data")
    # The report of the training stands beside the .h5, which a device need not have.
    original = model.path.with_name(f"{model.path.stem.removesuffix('_int8')}.h5")
    dataset = training_data(original, model.card, data)
    images, truth = dataset.test.images, dataset.test.truth
    tests = HeldOut(
        dataset.name,
        dataset.sha256,
        dataset.labels,
        images,
        truth,
        available=len(truth),
        apart_from={"training": dataset.train.images, "validation": dataset.val.images},
    )
    return tests.limited(limit, seed=0) if limit else tests


def check_measured(files: "Sequence[FileReport | CorruptedFile]", named: Sequence[Path]) -> None:
    """Ends the command with an error where a file gave NaN, or one that was named could not be measured.

    A damaged file that merely lies in the folder is a line in the table, unless there is no other.
    """
    failed = [file for file in files if file.error]
    everything = len(failed) == len(files)
    for file in failed:
        if everything or file.exit_code == 1 or Path(file.path) in named:
            error = EdgeclsError(file.error)
            error.exit_code = file.exit_code
            raise error


def _next_command(report: "BenchReport", named: Sequence[Path]) -> str:
    from ..benchmarks.choice import choose

    if report.data.unscored:
        files = "".join(f"{shlex.quote(str(path))} " for path in named)
        return f"next: edgecls bench {files}--data FOLDER   (test pictures in class folders, for accuracy)"
    chosen = choose(report)
    if not chosen:
        return "next: edgecls export --int8"
    file, why = chosen
    return f"next: edgecls camera --model {shlex.quote(file.path)}   ({why})"
