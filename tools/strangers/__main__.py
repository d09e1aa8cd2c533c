"""`python -m tools.strangers`: makes files as other tools write them, and compares edgecls with the tools."""

import sys
from pathlib import Path

import typer

from .applications import SCALES, measure
from .applications import render as render_figures
from .compare import compare, render
from .environments import make_files, set_up
from .pictures import write_pictures

app = typer.Typer(
    name="strangers", add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
)

_Folder = typer.Argument(..., help="The files, their answers, and the pictures.")
_Only = typer.Argument(None, help="Only files or kinds whose name contains one of these.")


@app.command()
def make(
    folder: Path = _Folder,
    only: list[str] | None = _Only,
    environments: Path = typer.Option(
        Path("/tmp/strangers-environments"),  # noqa: S108 - gigabytes that nobody needs tomorrow
        help="Where the other tools are installed.",
    ),
) -> None:
    """Install the other tools and make the files; half an hour the first time."""
    write_pictures(folder)
    set_up(environments, _show)
    make_files(environments, folder, only or [], _show)


@app.command("compare")
def compare_command(
    folder: Path = _Folder,
    only: list[str] | None = _Only,
    times: bool = typer.Option(True, help="Measure how long refusals take."),
    bare: bool = typer.Option(True, help="Also type the commands without the options that fit."),
) -> None:
    """Compare edgecls with the tools that made the files; ten minutes for all of them."""
    verdicts = compare(folder, only or [], _show, time_refusals=times, with_bare=bare)
    print(render(verdicts))
    sys.exit(any(verdict.is_fault for verdict in verdicts))


@app.command()
def applications(
    networks: list[str] | None = typer.Argument(None, help=f"Of {', '.join(SCALES)}; default: all."),
    side_px: int = typer.Option(96, "--imgsz", min=32, help="Side of the networks' input, in pixels."),
    max_drop: float = typer.Option(1.0, min=0, help="As `edgecls export --max-drop` takes it."),
) -> None:
    """Export the networks of keras.applications: float32 and int8 against Keras; minutes for each."""
    print(render_figures(measure(networks or [*SCALES], side_px, max_drop, _show)))


def _show(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    app()
