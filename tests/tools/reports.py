"""A report of the pipeline benchmark from a healthy machine, for the tests to change."""

from edgecls.benchmarks.frames import HD, VGA, FrameSize
from edgecls.benchmarks.machine import Machine
from tools.pipeline_report import (
    AgeReport,
    AgeSample,
    CallReport,
    IdleReport,
    IdleRun,
    PipelineReport,
    PipelineSettings,
    SizeReport,
)
from tools.pipelines import Agreement, PipelineTimes
from tools.process_cost import MemoryUse

NAIVE = ("decode", "swap", "resize", "scale", "engine", "rank")
OURS = ("decode", "resize", "engine", "rank")


def pipeline(name: str, stages: tuple[str, ...], *times_us: float) -> PipelineTimes:
    samples = (tuple(round(time * 1e3) for time in times_us),) * 5
    return PipelineTimes(name, "litert 2.3.0", stages, (samples, samples))


def size_report(size: FrameSize, factor: float = 1.0) -> SizeReport:
    return SizeReport(
        size=size,
        frames=1000,
        median_bytes=size.jpeg_bytes,
        ours=pipeline("edgecls", OURS, 500 * factor, 20, 25, 5),
        floor=pipeline("floor", ("decode", "engine"), 500 * factor, 22),
        naive=pipeline("naive", NAIVE, 1500 * factor, 200 * factor, 700 * factor, 5, 80, 3),
        agreement=Agreement(995, 1000),
        decode_agreement=Agreement(998, 1000),
    )


def idle_run(cpu_share: float = 0.08, memory_mb: int = 70, first_label_s: float = 0.3) -> IdleRun:
    memory = MemoryUse(memory_mb * 1_000_000, 60_000_000, 110_000_000)
    return IdleRun(first_label_s, cpu_share, labels_per_s=29.9, memory=memory, processes=2)


REPORT = PipelineReport(
    created_at="2025-01-02T03:04:05+00:00",
    machine=Machine("AMD EPYC", 2, None, 0.1, "Linux 6.18 x86_64", "3.11.7"),
    settings=PipelineSettings(),
    model="models/image_classification_int8.tflite",
    naive_model="models/image_classification.onnx",
    pictures="cifar10, test images",
    sizes=(size_report(VGA), size_report(HD, 3)),
    calls=CallReport(pipeline("classify", ("classify", "label"), 23.5, 2), pipeline("call", ("engine",), 22)),
    age=AgeReport(30.0, tuple(AgeSample(number * 11, 350.0 + number % 10, 333.4) for number in range(45))),
    idle=IdleReport(30.0, (idle_run(),) * 3, (idle_run(cpu_share=0.12),) * 3),
)
