"""The report of the whole way as plain text that a README takes as it is."""

from collections.abc import Iterator
from statistics import median

from ...edge_runtime.table import table
from .goals import goals
from .report import AgeReport, CallReport, IdleReport, IdleRun, PipelineReport, SizeReport

_STAGES = ("decode", "swap", "resize", "scale", "engine", "rank")


def render(report: PipelineReport) -> str:
    """The machine, the tables, which goals are met, and what a reader must know."""
    parts = [
        "\n".join(_facts(report)),
        table(
            ["microseconds", *_STAGES, "total", "ratio"],
            [row for size in report.sizes for row in _rows(size)],
        ),
        "\n".join(_legend(report)),
        _calls(report.calls),
        _age(report.age),
        _idle(report.idle),
        "\n".join(goal.line for goal in goals(report)),
        "\n".join(_remarks(report)),
    ]
    return "\n\n".join(part for part in parts if part)


def _facts(report: PipelineReport) -> Iterator[str]:
    machine = report.machine
    governor = f"governor {machine.governor}" if machine.governor else "governor not known"
    engines = dict.fromkeys(way.engine for size in report.sizes for way in size.ways)
    yield f"machine:  {machine.cpu}, {machine.cores} cores, {governor}, load {machine.load:.2f} before"
    yield f"software: {machine.system}, Python {machine.python}"
    yield f"engines:  {'; '.join(engines)}; threads: {report.settings.threads}"
    yield f"model:    {report.model}" + (f"; naive: {report.naive_model}" if report.naive_model else "")
    sizes = ", ".join(f"{size.size.name} of {size.median_bytes / 1e3:.0f} kB" for size in report.sizes)
    yield f"frames:   {report.settings.frames:,} JPEGs of each size ({sizes}); {report.pictures}"


def _rows(report: SizeReport) -> Iterator[list[str]]:
    for way in report.ways:
        stages = [f"{way.stage_ms(stage) * 1e3:,.0f}" if stage in way.stages else "-" for stage in _STAGES]
        ratio = f"{way.ratio(report.ours):.2f}"
        yield [f"{report.size.name} {way.name}", *stages, f"{way.total_ms * 1e3:,.0f}", ratio]


def _legend(report: PipelineReport) -> Iterator[str]:
    settings = report.settings
    yield (
        f"Medians of {settings.windows} windows, {settings.seconds:g} s a way, each in a process of its own, "
        "in turn; nothing trimmed."
    )
    yield "naive: full decode, channel swap, INTER_AREA, float32 in numpy, float32 .onnx; threads as ours."
    yield "floor: the reduced decode and the bare engine call; ratio: to edgecls, median over the rounds."
    for size in report.sizes:
        with_naive = f"{size.agreement.share:.1%} with naive, " if size.agreement else ""
        yield (
            f"{size.size.name}: same label on {size.frames:,} frames: {with_naive}"
            f"{size.decode_agreement.share:.1%} with edgecls after a full decode."
        )


def _calls(report: CallReport) -> str:
    classify_us = report.classify.stage_ms("classify") * 1e3
    return (
        f"ready input: engine call {report.call.total_ms * 1e3:.1f} us, "
        f"Classifier.classify {classify_us:.1f} us ({report.classify_ratio:.2f} times that), "
        f"with its label {report.classify.total_ms * 1e3:.1f} us ({report.labelled_ratio:.2f})"
    )


def _age(report: AgeReport) -> str:
    percents = (50, 95, 99)
    rows = [
        ["age when the label comes", *(f"{report.age_ms(percent):.1f}" for percent in percents)],
        ["without the classification", *(f"{report.waited_ms(percent):.1f}" for percent in percents)],
    ]
    return (
        table(["milliseconds", "p50", "p95", "p99"], rows)
        + f"\n{len(report.samples)} frames of a {report.rate_fps:g} fps MJPEG camera, with a classification "
        f"that takes ten times its interval of {report.interval_ms:.1f} ms."
    )


def _idle(report: IdleReport) -> str:
    programs = {"edgecls camera": report.ours, "naive program": report.naive}
    rows = [[name, *_idle_cells(runs)] for name, runs in programs.items() if runs]
    headers = [
        f"{report.rate_fps:g} fps, 640x480",
        "core %",
        "labels/s",
        "together MB",
        "PSS MB",
        "RSS MB",
        "first label s",
    ]
    return (
        table(headers, rows)
        + f"\nMedians of {len(report.ours)} runs, in turn, all processes of a program together; the camera's "
        "own work is not counted."
    )


def _idle_cells(runs: tuple[IdleRun, ...]) -> list[str]:
    return [
        f"{median(run.cpu_share for run in runs) * 100:.1f}",
        f"{median(run.labels_per_s for run in runs):.1f}",
        f"{median(run.memory.together_bytes for run in runs) / 1e6:.0f}",
        f"{median(run.memory.pss_bytes for run in runs) / 1e6:.0f}",
        f"{median(run.memory.rss_bytes for run in runs) / 1e6:.0f}",
        f"{median(run.first_label_s for run in runs):.2f}",
    ]


def _remarks(report: PipelineReport) -> Iterator[str]:
    yield from (f"warning: {line}" for line in report.machine.warnings)
    yield from (f"note: {note}" for note in report.notes)
