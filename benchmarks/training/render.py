"""The report of the training benchmark as plain text that a README takes as it is."""

from collections.abc import Iterator
from statistics import median

from ...edge_runtime.table import table
from .report import ProgramReport, TrainingReport

_HEADERS = (
    "program",
    "images/s",
    "slowest to fastest epoch",
    "ratio",
    "accuracy %",
    "seconds",
    "peak MB",
    "of it data sets",
)


def render(report: TrainingReport) -> str:
    """The machine, the table, what it means, and which goals are met."""
    parts = [
        _facts(report),
        table(_HEADERS, [_row(each, report) for each in (report.naive, report.ours, report.bfloat16)]),
        _legend(report),
        "\n".join(goal.line for goal in report.goals),
        "\n".join(f"warning: {line}" for line in report.machine.warnings),
    ]
    return "\n\n".join(part for part in parts if part)


def _facts(report: TrainingReport) -> str:
    machine = report.machine
    return (
        f"machine:  {machine.cpu}, {machine.cores} cores, load {machine.load:.2f} before\n"
        f"software: {machine.system}, Python {machine.python}\n"
        f"data:     {report.data}, {report.train_images:,} training images of {report.size_px} px; "
        f"{report.data_bytes / 1e6:,.0f} MB with val and test"
    )


def _row(program: ProgramReport, report: TrainingReport) -> list[str]:
    slowest, fastest = program.epochs_per_s(report.train_images)
    return [
        program.name,
        f"{median(program.images_per_s(report.train_images)):,.0f}",
        f"{slowest:,.0f} to {fastest:,.0f}",
        f"{report.ratio(program):.2f}",
        " ".join(_accuracies(program)),
        f"{median(run.seconds for run in program.runs):.1f}",
        f"{program.peak_bytes / 1e6:,.0f}",
        f"{program.data_sets(report.data_bytes):.2f}",
    ]


def _accuracies(program: ProgramReport) -> Iterator[str]:
    yield f"{program.accuracy:.2%}".rstrip("%")
    if len(program.runs) > 1:
        lowest, highest = (extreme(run.accuracy for run in program.runs) for extreme in (min, max))
        yield f"({lowest:.2%} to {highest:.2%})".replace("%", "")


def _legend(report: TrainingReport) -> str:
    rounds = len(report.ours.runs)
    first = ", the first left out" if report.epochs > 1 else ""
    return (
        f"Median of {rounds} {'round' if rounds == 1 else 'rounds'} of {report.epochs} epochs{first}, a "
        "process and a seed each, in turn; each epoch with its evaluation of the same held-out images.\n"
        "naive: float32 arrays and Keras's defaults; all: the documented CNN, Adam, batches of 32.\n"
        "seconds: of the whole process. of it data sets: the peak above that of the same program on a small "
        "data set, in sizes of the data set as uint8."
    )
