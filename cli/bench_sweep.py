"""`edgecls bench --sweep`: how the cost of each file grows, as a table, a plot and JSON."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from ..edge_runtime.errors import EdgeclsError, MissingInput, Unavailable, UsageError
from .bench_images import golden_pictures

if TYPE_CHECKING:
    from ..benchmarks.growth.report import SweepReport
    from ..benchmarks.pipeline.run import Pictures

_PICTURES = 64


class Sweep(StrEnum):
    """What can be swept."""

    THREADS = "threads"
    RESOLUTION = "resolution"
    BATCH = "batch"


def bench_sweep(
    kind: Sweep,
    paths: Sequence[Path],
    data: str | None,
    threads: int,
    seconds: float,
    json_file: Path | None,
    folder: Path,
    on_step: Callable[[str], None],
) -> None:
    """Measures, writes `sweep_KIND.png` into `folder` and the JSON, and prints the table; options as `bench`.

    Raises:
        UsageError: threads are given, and swept.
        EdgeclsError: there is no picture, or no file could be measured.
    """
    from ..benchmarks.growth.render import render
    from ..benchmarks.growth.report import SweepSettings
    from ..benchmarks.growth.run import sweep
    from ..edge_runtime.files import check_writable, write_whole

    if kind is Sweep.THREADS and threads != 1:
        raise UsageError("--threads is what is swept; leave it out")
    plot_file = folder / f"sweep_{kind}.png"
    for output in filter(None, (json_file, plot_file)):
        check_writable(output)  # now, not after minutes of measuring
    try:
        on_step("reading pictures")
        settings = SweepSettings(threads, seconds)
        report = sweep(kind.value, paths, _pictures(paths, data), settings, on_step)
    finally:
        on_step("")
    if json_file:
        write_whole(json_file, report.to_json())
    print(render(report))
    _check(report)
    print(f"\n{_plot(report, plot_file)}")


def _plot(report: "SweepReport", path: Path) -> str:
    """Writes the plot where matplotlib is installed; says in a line what came of it."""
    from ..edge_runtime.files import write_whole

    try:
        from ..benchmarks.growth.plot import sweep_png
    except Unavailable as error:
        return str(error)
    write_whole(path, sweep_png(report))
    return f"plot: {path}"


def _pictures(paths: Sequence[Path], data: str | None) -> "Pictures":
    """Golden frames of a card; test images of a data set that is named, or where there are no such frames."""
    from ..benchmarks.model_files import first_readable
    from ..benchmarks.pipeline.run import Pictures
    from .bench import held_out_images

    if data is None and (found := golden_pictures(paths)):
        model, golden = found
        return Pictures(f"{len(golden)} golden frames of {model.path.name}", golden)
    tests = held_out_images(first_readable(paths), data, _PICTURES)
    return Pictures(f"{tests.name}, {len(tests.images)} test images", list(tests.images[..., ::-1]))


def _check(report: "SweepReport") -> None:
    """Ends the command with an error where no file could be measured; others are lines of the table."""
    if any(line.points for line in report.lines):
        return
    if not report.lines:
        raise MissingInput("no exported file to measure; run `edgecls export --int8`")
    error = EdgeclsError(report.lines[0].error)
    error.exit_code = report.lines[0].exit_code
    raise error
