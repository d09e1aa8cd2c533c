"""Prints the instructions of each stage on each Pi as Markdown: `python -m tests.pi.count FILE...`.

Without files, it takes every `.tflite` and `.onnx` of this folder. `--write` also puts the tables into the
documentation, between the comments that mark their places.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from edgecls.edge_runtime.errors import EdgeclsError
from edgecls.edge_runtime.models.find import exported_files
from tests.pi.building import build, build_wheel
from tests.pi.host import lacking
from tests.pi.stage_counts import FRAMES, STAGES, StageCounts, count_stages
from tests.pi.userland import PROCESSORS, SUITES, Model, Userland, cache_folder

PAGE = Path(__file__).parents[2] / "docs" / "results" / "raspberry-pi.md"
PLACES = ("summary", "instructions")
"""What the page has a marked place for: one short table, and all tables."""


def tables(counts: Sequence[StageCounts]) -> str:
    """All tables: the engines side by side, then the whole way for each size of frames and each Pi."""
    parts = [_engine_table(counts)]
    for size in FRAMES:
        for model in PROCESSORS:
            kilobytes = size.jpeg_bytes / 1000
            title = f"### A frame of {size.name}, {kilobytes:.0f} kB, on {model}"
            rows = [_frame_row(entry, size.name) for entry in counts if entry.model == model]
            header = ["file", *STAGES, "whole", "naive", "naive / whole"]
            parts.append(f"{title}\n\n{_table(header, rows)}")
    return "\n".join(parts)


def summary(counts: Sequence[StageCounts]) -> str:
    """One table: what a frame of the smallest size costs with each file, the Pis side by side."""
    frame = FRAMES[0]
    by_file: dict[str, dict[Model, StageCounts]] = {}
    for entry in counts:
        by_file.setdefault(entry.file, {})[entry.model] = entry
    header = ["file", "decode", "resize", *(f"{what}, {pi}" for what in _SUMMED for pi in PROCESSORS)]
    rows = []
    for name, entries in by_file.items():
        first = entries[next(iter(PROCESSORS))]
        shared = [_millions(first.stage(frame.name, stage)) for stage in ("decode", "resize")]
        each = [of(entries[pi], frame.name) for of in _SUMMED.values() for pi in PROCESSORS]
        rows.append([name, *shared, *each])
    return _table(header, rows)


def _ratio(entry: StageCounts, frame: str) -> str:
    naive = entry.naive.get(frame)
    return f"{naive / entry.stage(frame, 'whole'):.2f}" if naive else "-"


_SUMMED: dict[str, Callable[[StageCounts, str], str]] = {
    "engine": lambda entry, _: _millions(entry.engine()),
    "whole": lambda entry, frame: _millions(entry.stage(frame, "whole")),
    "naive / whole": _ratio,
}


def marks(place: str) -> tuple[str, str]:
    """The comments before and after a place in the page."""
    return f"<!-- {place}: written by tests/pi/count.py -->\n", f"<!-- end of {place} -->"


def written_into(document: str, place: str, text: str) -> str:
    """The document with this text between the two comments of a place.

    Raises:
        ValueError: it has no such comments.
    """
    before_mark, after_mark = marks(place)
    before, begin, rest = document.partition(before_mark)
    _, end, after = rest.partition(after_mark)
    if not (begin and end):
        raise ValueError(f"no place for the {place}; add these two lines: {before_mark}{after_mark}")
    return f"{before}{before_mark}{text}{after_mark}{after}"


def _engine_table(counts: Sequence[StageCounts]) -> str:
    engines = {(entry.file, entry.model): entry.engine() for entry in counts}
    names = dict.fromkeys(entry.file for entry in counts)
    rows = [[name, *(_millions(engines[name, model]) for model in PROCESSORS)] for name in names]
    return f"### One inference\n\n{_table(['file', *PROCESSORS], rows)}"


def _frame_row(entry: StageCounts, frame: str) -> list[str]:
    whole, naive = entry.stage(frame, "whole"), entry.naive.get(frame)
    stages = [_millions(entry.stage(frame, stage)) for stage in STAGES]
    return [entry.file, *stages, _millions(whole), _millions(naive) if naive else "-", _ratio(entry, frame)]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _millions(instructions: float) -> str:
    return f"{instructions / 1e6:.2f}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m tests.pi.count", description="Instructions on a Raspberry Pi."
    )
    parser.add_argument("files", nargs="*", type=Path, help="exported files; by default those of this folder")
    parser.add_argument("--suite", choices=SUITES, default=SUITES[0], help="which Debian")
    parser.add_argument(
        "--write",
        type=Path,
        nargs="?",
        const=PAGE,
        metavar="PAGE.md",
        help="write the tables into this page; by default the documentation's",
    )
    return parser.parse_args()


def _main() -> None:
    arguments = _arguments()
    if why := lacking(counting=True):
        sys.exit(f"count: {why}")
    userland = Userland(arguments.suite, cache_folder())
    try:
        files = arguments.files or exported_files(Path())
        with tempfile.TemporaryDirectory() as folder:
            build(userland, build_wheel(Path(folder)))
        counts = count_stages(userland, files)
        text = tables(counts)
        if page := arguments.write:
            document = page.read_text()
            for place, content in zip(PLACES, (summary(counts), text), strict=True):
                document = written_into(document, place, content)
            page.write_text(document)
    except (EdgeclsError, RuntimeError, ValueError, OSError) as error:
        sys.exit(f"count: {error}")
    sys.stdout.write(text)


if __name__ == "__main__":
    _main()
