"""`edgecls bench --training`: how fast the documented network trains, beside the straightforward program."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..benchmarks.training.programs import TrainingArrays

_SIDE_PX = 32
_EPOCHS = 3
_ROUNDS = 3


def bench_training(
    data: str | None, epochs: int | None, json_file: Path | None, on_step: Callable[[str], None]
) -> None:
    """Measures, writes the JSON and prints the table; the options are those of `bench`.

    Raises:
        EdgeclsError: the data cannot be loaded, or a training failed.
    """
    from ..benchmarks.training.render import render
    from ..benchmarks.training.run import bench_training as measure
    from ..edge_runtime.files import check_writable, write_whole
    from ..trainer.options import absolute_data

    if json_file:
        check_writable(json_file)  # now, not after minutes of measuring
    try:
        report = measure(
            absolute_data(data or "cifar10"),
            _SIDE_PX,
            _load,
            epochs=epochs or _EPOCHS,
            rounds=_ROUNDS,
            on_step=on_step,
        )
    finally:
        on_step("")
    if json_file:
        write_whole(json_file, report.to_json())
    print(render(report))


def _load(data: str, seed: int) -> "TrainingArrays":
    from ..benchmarks.training.programs import TrainingArrays
    from ..edge_runtime.image import ImageRule
    from ..trainer.data import load_dataset

    dataset = load_dataset(data, ImageRule(_SIDE_PX, _SIDE_PX), seed)
    train, val, test = ((split.images, split.truth) for split in (dataset.train, dataset.val, dataset.test))
    return TrainingArrays(train, val, test)
