"""`edgecls bench --scaling`: how the cost of each file grows, as a table, a plot and JSON."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from ..edge_runtime.errors import EdgeclsError, MissingInput, Unavailable, UsageError

if TYPE_CHECKING:
    from ..benchmarks.frames import Pictures
    from ..benchmarks.scaling.report import ScalingReport


_PICTURES = 64


class Scaling(StrEnum):
    """What grows."""

    THREADS = "threads"
    RESOLUTION = "resolution"


def bench_scaling(
    kind: Scaling,
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
    from ..benchmarks.scaling.report import ScalingSettings, render
    from ..benchmarks.scaling.run import measure_scaling
    from ..edge_runtime.files import check_writable, write_whole

    if kind is Scaling.THREADS and threads != 1:
        raise UsageError("--threads is what is swept; leave it out")
    plot_file = folder / f"scaling_{kind}.png"
    for output in filter(None, (json_file, plot_file)):
        check_writable(output)  # now, not after minutes of measuring
    try:
        on_step("reading pictures")
        settings = ScalingSettings(threads, seconds)
        report = measure_scaling(kind.value, paths, _pictures(paths, data), settings, on_step)
    finally:
        on_step("")
    if json_file:
        write_whole(json_file, report.to_json())
    print(render(report))
    _check(report)
    print(f"\n{_plot(report, plot_file)}")


def _plot(report: "ScalingReport", path: Path) -> str:
    """Writes the plot where matplotlib is installed; says in a line what came of it."""
    from ..edge_runtime.files import write_whole

    try:
        from ..benchmarks.scaling.plot import scaling_png
    except Unavailable as error:
        return str(error)
    write_whole(path, scaling_png(report))
    return f"plot: {path}"


def _pictures(paths: Sequence[Path], data: str | None) -> "Pictures":
    """Golden frames of a card; test images of a data set that is named, or where there are no such frames."""
    from ..benchmarks.frames import Pictures
    from ..benchmarks.model_files import first_readable
    from ..benchmarks.test_images import golden_pictures, held_out_images

    if data is None and (found := golden_pictures(paths)):
        model, golden = found
        return Pictures(f"{len(golden)} golden frames of {model.path.name}", golden)
    tests = held_out_images(first_readable(paths), data, _PICTURES)
    return Pictures(f"{tests.name}, {len(tests.images)} test images", list(tests.images[..., ::-1]))


def _check(report: "ScalingReport") -> None:
    """Ends the command with an error where no file could be measured; others are lines of the table."""
    if any(line.points for line in report.lines):
        return
    if not report.lines:
        raise MissingInput("no exported file to measure; run `edgecls export --int8`")
    error = EdgeclsError(report.lines[0].error)
    error.exit_code = report.lines[0].exit_code
    raise error
