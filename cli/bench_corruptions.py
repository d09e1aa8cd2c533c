"""`edgecls bench --corruptions`: how much accuracy each file keeps as pictures get worse, in a table each."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..benchmarks.corruptions.run import CorruptionReport
    from ..benchmarks.test_images import HeldOut
    from ..benchmarks.thresholds import Threshold


_PLOT, _EXAMPLES = "corruptions.png", "corrupted_images.png"


def bench_corruptions(
    models: Sequence[Path],
    data: str | None,
    images: int | None,
    threads: int,
    thresholds: "Sequence[Threshold]",
    json_file: Path | None,
    folder: Path | None,
    on_step: Callable[[str], None],
) -> None:
    """Scores, writes the JSON and, into `folder`, the pictures, and prints the tables; options as `bench`.

    Raises:
        EdgeclsError: there is no model or no test image, or one that was named could not be scored.
        CheckFailed: a file does not keep a bound.
    """
    from ..benchmarks.corruptions.run import bench_corruptions as measure
    from ..benchmarks.corruptions.run import render
    from ..benchmarks.model_files import find_model_files, first_readable
    from ..benchmarks.run import check_measured
    from ..benchmarks.test_images import held_out_images
    from ..benchmarks.thresholds import check_figures
    from ..edge_runtime.files import check_writable, write_whole

    paths = find_model_files(models)
    if json_file:
        check_writable(json_file)  # now, not after minutes of measuring
    if folder:
        _check_folder(folder)
    try:
        on_step("reading pictures")
        tests = held_out_images(first_readable(paths), data, images)
        report = measure(paths, tests, threads, on_step)
    finally:
        on_step("")
    if json_file:
        write_whole(json_file, report.to_json())
    print(render(report))
    check_measured(report.files, models)
    if folder:
        print(f"\n{_write_pictures(folder, report, tests)}")
    check_figures({file.path: file.figures for file in report.files}, thresholds)


def _check_folder(folder: Path) -> None:
    from ..benchmarks.corruptions import plot  # noqa: F401 - matplotlib: that it is missing is told now
    from ..edge_runtime.files import check_writable

    for name in (_PLOT, _EXAMPLES):
        check_writable(folder / name)


def _write_pictures(folder: Path, report: "CorruptionReport", tests: "HeldOut") -> str:
    """Writes the plot, and what the corruptions look like; says in a line where."""
    from ..benchmarks.corruptions.plot import accuracies_png, examples_png
    from ..edge_runtime.files import write_whole

    write_whole(folder / _PLOT, accuracies_png(report))
    write_whole(folder / _EXAMPLES, examples_png(tests))
    return f"plot: {folder / _PLOT}; what the images look like: {folder / _EXAMPLES}"
