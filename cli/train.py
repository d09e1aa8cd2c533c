"""`edgecls train`: fits a network and saves it with its plots and its report."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from ..trainer.report import TrainReport

DEFAULT_MODEL = Path("image_classification.h5")
_SKIPPED_SHOWN = 5


def train(
    data: str = typer.Option(
        "cifar10",
        help="cifar10 (downloaded once), digits (no download), a folder with one sub-folder of images for "
        "each class, a zip of such a folder, or cifar-10-python.tar.gz.",
    ),
    arch: str = typer.Option("cnn", help="The network: cnn is the documented one."),
    epochs: int = typer.Option(10, min=1, max=100_000, help="How often to go through the training images."),
    batch_size: int = typer.Option(32, min=1, max=65_536, help="Images for each step of the optimizer."),
    seed: int = typer.Option(0, min=0, max=2**32 - 1, help="The same seed gives the same model."),
    output: Path = typer.Option(
        DEFAULT_MODEL, help="The model; plots and report go into a folder of its name."
    ),
    size: int = typer.Option(32, min=8, max=1024, help="Side of the network's square input, in pixels."),
    augment: bool = typer.Option(
        False, "--augment", help="Shift training images by up to an eighth and, except digits, mirror them."
    ),
    dropout: float = typer.Option(
        0.0, min=0.0, max=0.95, help="Share of activations left out before each dense layer while training."
    ),
    early_stopping: bool = typer.Option(
        False,
        "--early-stopping",
        help="Stop after 3 epochs without a lower loss on the validation split; keep the best weights.",
    ),
    resume: bool = typer.Option(
        False, "--resume", help="Go on with an interrupted training; give the same options as before."
    ),
) -> None:
    """Train a network and save it as an .h5, with plots and a report."""
    try:
        from ..edge_runtime.image import ImageRule
        from ..trainer.recipe import Recipe
        from ..trainer.terminal import TerminalProgress
        from ..trainer.train import Training, absolute_data
        from ..trainer.train import train as run

        recipe = Recipe(arch, epochs, batch_size, seed, augment, dropout, early_stopping)
        training = Training(absolute_data(data), output, ImageRule(size, size), recipe)
        with TerminalProgress() as progress:
            report = run(training, resume=resume, progress=progress)
    except KeyboardInterrupt:
        print(f"edgecls: interrupted{_way_on(output)}", file=sys.stderr)
        raise typer.Exit(130) from None
    print(_summary(report, output))
    print(
        "next: edgecls export --int8" if output == DEFAULT_MODEL else f"next: edgecls export {output} --int8"
    )


def _summary(report: "TrainReport", output: Path) -> str:
    from ..trainer.report import report_folder

    files = "samples.png, curves.png, confusion_matrix.png, history.csv, report.json"
    lines = [
        f"accuracy: {report.test.accuracy:.4f}",
        f"loss: {report.test.loss:.4f}",
        f"on {report.test_images:,} test images of {report.data_name}, after {report.epochs_done} epochs "
        f"in {report.seconds:.0f} s",
        *_skipped(report),
        f"{output}: the model; {report_folder(output)}/: {files}",
    ]
    return "\n".join(lines)


def _skipped(report: "TrainReport") -> list[str]:
    count = len(report.skipped)
    if not count:
        return []
    more = f"and {count - _SKIPPED_SHOWN:,} more, see report.json" if count > _SKIPPED_SHOWN else ""
    shown = [f"  {line}" for line in (*report.skipped[:_SKIPPED_SHOWN], more) if line]
    return [f"skipped {count:,} {'file' if count == 1 else 'files'}:", *shown]


def _way_on(output: Path) -> str:
    """How to go on, where at least one epoch was finished."""
    from ..trainer.checkpoint import checkpoint_path

    if not checkpoint_path(output).exists():
        return ""
    arguments = [argument for argument in sys.argv[1:] if argument != "--resume"]
    return f"; go on with `edgecls {shlex.join([*arguments, '--resume'])}`"
