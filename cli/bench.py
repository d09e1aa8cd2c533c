"""`edgecls bench`: every exported file beside the Keras original, in one table."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ..edge_runtime.errors import EdgeclsError
from ..edge_runtime.files import check_writable, write_whole

if TYPE_CHECKING:
    from ..benchmarks.held_out import HeldOut
    from ..benchmarks.report import BenchReport
    from ..benchmarks.thresholds import Threshold
    from ..edge_runtime.model_file import ModelFile


def bench(
    models: list[Path] | None = typer.Argument(
        None, help="Files to measure, or folders of them; by default all in this folder.", show_default=False
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
    compare: Path | None = typer.Option(None, dir_okay=False, help="Show what changed since this --json."),
    fail_under: list[str] | None = typer.Option(
        None, metavar="FIGURE=NUMBER", help="End with 1 where a file has less, such as accuracy=0.70."
    ),
    fail_over: list[str] | None = typer.Option(
        None, metavar="FIGURE=NUMBER", help="End with 1 where a file has more, such as p99_ms=5."
    ),
) -> None:
    """Compare size, accuracy, latency and memory of every exported file with the Keras original."""
    from ..benchmarks.compare import read_earlier, render_changes
    from ..benchmarks.model_files import find_model_files, first_readable
    from ..benchmarks.render import render
    from ..benchmarks.report import Settings
    from ..benchmarks.run import bench as measure
    from ..benchmarks.thresholds import check_thresholds

    thresholds = _thresholds(fail_under or [], fail_over or [])
    earlier = read_earlier(compare) if compare else None
    paths = find_model_files(models or [])
    for output in filter(None, (json_file, csv_file)):
        check_writable(output)  # now, not after minutes of measuring
    tests = _test_images(first_readable(paths), data, images)
    try:
        report = measure(paths, tests, Settings(threads=threads, seconds=seconds), _show)
    finally:
        _show("")
    if json_file:
        write_whole(json_file, report.to_json())
    if csv_file:
        write_whole(csv_file, report.to_csv())
    print(render(report))
    if earlier:
        print(f"\n{render_changes(earlier, report)}")
    _check(report, [str(path) for path in models or []])
    check_thresholds(report, thresholds)
    print(f"\n{_next_command(report)}")


def _thresholds(under: Sequence[str], over: Sequence[str]) -> "list[Threshold]":
    from ..benchmarks.thresholds import parse_threshold

    return [parse_threshold(text, "under") for text in under] + [
        parse_threshold(text, "over") for text in over
    ]


def _test_images(model: "ModelFile", data: str | None, limit: int | None) -> "HeldOut":
    from ..benchmarks.held_out import HeldOut
    from .training_data import training_data

    # The report of the training stands beside the .h5, which a device need not have.
    original = model.path.with_name(f"{model.path.stem.removesuffix('_int8')}.h5")
    dataset = training_data(original, model.card, data)
    images, truth = dataset.test.images, dataset.test.truth
    tests = HeldOut(dataset.name, dataset.sha256, dataset.labels, images, truth, available=len(truth))
    return tests.limited(limit, seed=0) if limit else tests


def _check(report: "BenchReport", named: Sequence[str]) -> None:
    """Ends the command with an error where a file gave NaN, or one that was named could not be measured.

    A damaged file that merely lies in the folder is a line in the table, unless there is no other.
    """
    failed = [file for file in report.files if file.error]
    everything = len(failed) == len(report.files)
    for file in failed:
        if everything or file.exit_code == 1 or file.path in named:
            error = EdgeclsError(file.error)
            error.exit_code = file.exit_code
            raise error


def _next_command(report: "BenchReport") -> str:
    from ..benchmarks.choice import choose

    chosen = choose(report)
    if not chosen:
        return "next: edgecls export --int8"
    file, why = chosen
    return f"next: edgecls camera --model {shlex.quote(file.path)}   ({why})"


def _show(step: str) -> None:
    """One line on a terminal, each step over the one before; nothing where stderr goes to a file."""
    if sys.stderr.isatty():
        print(f"\r\033[K{step}", end="", file=sys.stderr, flush=True)
