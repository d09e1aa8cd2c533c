"""`edgecls bench --pipeline`: every stage from a camera's bytes to a label, in one table."""

import base64
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..edge_runtime.errors import EdgeclsError, MissingInput

if TYPE_CHECKING:
    from ..benchmarks.pipeline.run import Pictures
    from ..edge_runtime.model_file import ModelFile


def bench_pipeline(
    paths: Sequence[Path],
    data: str | None,
    frames: int | None,
    threads: int,
    seconds: float,
    json_file: Path | None,
    on_step: Callable[[str], None],
) -> None:
    """Measures, writes the JSON and prints the tables; the options are those of `bench`.

    Raises:
        EdgeclsError: there is no model or no picture, or one cannot be run.
    """
    from ..benchmarks.pipeline.json_report import to_json
    from ..benchmarks.pipeline.models import choose_models
    from ..benchmarks.pipeline.render import render
    from ..benchmarks.pipeline.report import PipelineSettings
    from ..benchmarks.pipeline.run import bench_pipeline as measure
    from ..edge_runtime.files import check_writable, write_whole

    if json_file:
        check_writable(json_file)  # now, not after minutes of measuring
    models = choose_models(paths)
    count = frames or PipelineSettings.frames
    try:
        on_step("reading pictures")
        pictures = _pictures(models.fast, data, count)
        report = measure(
            models, pictures, PipelineSettings(threads=threads, seconds=seconds, frames=count), on_step
        )
    finally:
        on_step("")
    if json_file:
        write_whole(json_file, to_json(report))
    print(render(report))


def _pictures(model: "ModelFile", data: str | None, count: int) -> "Pictures":
    """Test images of the data set that was named, or trained on; else the pictures in the model's card."""
    from ..benchmarks.pipeline.run import Pictures
    from .bench import held_out_images

    try:
        tests = held_out_images(model, data, count)
    except EdgeclsError:
        if data is not None:
            raise
    else:
        return Pictures(f"{tests.name}, test images", list(tests.images[..., ::-1]))
    from ..edge_runtime.image import decode

    golden = [decode(base64.b64decode(frame.picture), "golden frame") for frame in model.card.golden]
    if not golden:
        raise MissingInput(f"{model.path}: has no pictures in its card; name the data set with --data")
    return Pictures(f"{len(golden)} golden frames of the card, cropped differently for each", golden)
