"""`python -m tools`: edgecls beside straightforward programs; see `make bench-pipeline`, `bench-training`."""

import base64
import subprocess
import sys
from pathlib import Path

import numpy as np
import typer

from edgecls.benchmarks.frames import Pictures
from edgecls.benchmarks.model_files import find_model_files
from edgecls.benchmarks.test_images import held_out_images
from edgecls.data.load import load_dataset
from edgecls.edge_runtime.errors import EdgeclsError, MissingInput
from edgecls.edge_runtime.files import check_writable, write_whole
from edgecls.edge_runtime.images.decode import decode
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.models.builtin import builtin_paths
from edgecls.edge_runtime.models.model_file import ModelFile, read_model
from edgecls.trainer.options import absolute_data

from .actions_load import load_lines, measure_inbox, measure_load
from .actions_load import render as render_load
from .few_pictures import measure_samples, render_samples
from .many_pictures import measure
from .many_pictures import render as render_costs
from .mqtt_broker import measure_latency, render_latency
from .mqtt_restarts import measure_restarts, render_restarts
from .near_duplicates import render as render_searches
from .near_duplicates import time_searches
from .never_seen import hold_back_each
from .never_seen import render as render_held_back
from .page_attackers import ATTACKS
from .page_attacks import measure_attacks
from .page_attacks import render as render_attacks
from .pipeline import bench_pipeline, choose_models
from .pipeline_report import PipelineSettings, render, to_json
from .strangers.__main__ import app as strangers
from .training import TrainingArrays, bench_training
from .training import render as render_training
from .wrong_labels import measure_flips

_SIDE_PX = 32

app = typer.Typer(name="tools", add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


app.add_typer(strangers, help="Models made elsewhere: make them, and compare edgecls with their makers.")


@app.command()
def pipeline(
    models: list[Path] | None = typer.Argument(None, help="Model files; default: all files in this folder."),
    data: str | None = typer.Option(None, help="Data set whose test images become frames."),
    frames: int = typer.Option(PipelineSettings.frames, min=1, help="Number of frames."),
    threads: int = typer.Option(1, min=1, help="Engine threads."),
    seconds: float = typer.Option(3.0, min=0.01, help="Measuring time for each row."),
    json_file: Path | None = typer.Option(None, "--json", help="Write every sample to this file."),
) -> None:
    """Measure each stage from a camera's JPEG to a label, beside a naive program; two minutes."""
    _writable(json_file)
    chosen = choose_models(find_model_files(models or []))
    settings = PipelineSettings(threads=threads, seconds=seconds, frames=frames)
    report = bench_pipeline(chosen, _pictures(chosen.fast, data, frames), settings, _show)
    if json_file:
        write_whole(json_file, to_json(report))
    print(render(report))


@app.command()
def training(
    data: str = typer.Option("cifar10", help="Data set to train on."),
    epochs: int = typer.Option(3, min=1, help="Epochs of each training."),
    rounds: int = typer.Option(3, min=1, help="Trainings of each program; they take turns."),
    json_file: Path | None = typer.Option(None, "--json", help="Write every epoch to this file."),
) -> None:
    """Time `edgecls train` beside a plain Keras program; half an hour."""
    _writable(json_file)
    report = bench_training(absolute_data(data), _SIDE_PX, _load, epochs=epochs, rounds=rounds, on_step=_show)
    if json_file:
        write_whole(json_file, report.to_json())
    print(render_training(report))


@app.command()
def near_duplicates(
    data: str = typer.Option("cifar10", help="Data set with photographs; variations are added to them."),
    images: int = typer.Option(100_000, min=2, help="Pictures in each set."),
) -> None:
    """Time the search for near-duplicates among many pictures, on one core; three minutes."""
    parts = _load(absolute_data(data), 0)
    photographs = np.concatenate([part[0] for part in (parts.train, parts.val, parts.test)])
    print(render_searches([*time_searches(images, photographs, _show)]))


@app.command()
def many_pictures(
    folder: Path = typer.Argument(Path("many-pictures"), help="Where the pictures and the model go."),
    count: int = typer.Option(200_000, min=100, help="Number of pictures."),
    side_px: int = typer.Option(96, "--imgsz", min=8, help="Side of the network's input, in pixels."),
    arch: str = typer.Option("nano", help="The network."),
) -> None:
    """Measure the memory that train, export and bench need on very many pictures; an hour."""
    folder.mkdir(parents=True, exist_ok=True)
    print(render_costs(measure(folder, count, side_px, arch, _show)))


@app.command()
def few_pictures(
    data: str = typer.Option(..., help="Class folders."),
    arch: str = typer.Option("lite0", help="The pretrained network."),
    side_px: int = typer.Option(96, "--imgsz", min=32, help="Side of the network's input, in pixels."),
    counts: str = typer.Option(
        "5,10,25,100000", help="Training pictures of each class, separated by commas."
    ),
    seeds: int = typer.Option(10, min=1, help="Samples of each count."),
) -> None:
    """Measure how accurate the frozen network's int8 file is with few pictures; ten minutes."""
    numbers = tuple(map(int, counts.split(",")))
    print(render_samples([*measure_samples(absolute_data(data), arch, side_px, numbers, seeds, _show)]))


@app.command()
def never_seen(
    data: str = typer.Option(..., help="Class folders; each class is held back in turn."),
    arch: str = typer.Option("lite0", help="The pretrained network."),
    side_px: int = typer.Option(96, "--imgsz", min=32, help="Side of the network's input, in pixels."),
) -> None:
    """Measure how well int8 files notice a class that training did not see; three minutes."""
    print(render_held_back([*hold_back_each(absolute_data(data), arch, side_px, _show)]))


@app.command("wrong-labels")
def wrong_labels(
    data: str = typer.Option(..., help="Class folders whose labels are right."),
    seeds: int = typer.Option(10, min=1, help="Times that labels are flipped."),
) -> None:
    """Measure how many flipped labels `train` finds; a minute for 2,000 pictures."""
    print(measure_flips(absolute_data(data), seeds))


@app.command("page-attacks")
def page_attacks(
    only: list[str] | None = typer.Argument(None, help=f"Attacks; default: all: {', '.join(ATTACKS)}."),
    rounds: int = typer.Option(3, min=1, help="Of each attack, with a rest before each; the best counts."),
    seconds: float = typer.Option(3.0, min=1.0, help="Of each round, and of each rest."),
    model: str = typer.Option("nano", help="The model of the camera."),
) -> None:
    """Attack the page of `edgecls camera`: frame rate, age, and what a viewer gets; five minutes."""
    print(render_attacks([*measure_attacks(only or [*ATTACKS], rounds, seconds, model, _show)]))


@app.command("actions-load")
def actions_load(
    rounds: int = typer.Option(5, min=1, help="In each, all cameras are measured at the same time."),
    seconds: float = typer.Option(8.0, min=1.0, help="Of each round."),
) -> None:
    """Run cameras side by side, two with actions and brokers that hang: frame rate, age, memory, end."""
    golden = read_model(builtin_paths("nano", "auto")[0]).card.golden[0]
    picture = decode(base64.b64decode(golden.picture), "golden frame")
    print(render_load(measure_load([picture, np.full_like(picture, 128)], rounds, seconds, _show)))


@app.command("mqtt-latency")
def mqtt_latency(changes: int = typer.Option(1000, min=1, help="Changes of the label.")) -> None:
    """Measure how soon a changed label is at a subscriber of mosquitto on loopback; a minute."""
    print(render_latency(measure_latency(changes)))


@app.command("mqtt-restarts")
def mqtt_restarts(kills: int = typer.Option(1000, min=1, help="How often the broker is killed.")) -> None:
    """Kill mosquitto at random moments: what is stale, and which events are missing; ten minutes."""
    print(render_restarts(measure_restarts(kills, on_step=_show)))


@app.command("inbox-kills")
def inbox_kills(kills: int = typer.Option(1000, min=1, help="How often the process is killed.")) -> None:
    """Kill a process that fills an inbox again and again: is every file whole; a minute."""
    subprocess.run(
        [sys.executable, "-m", "tools.inbox_kills", str(kills)], check=True
    )  # small, to be forked fast


@app.command("inbox-age")
def inbox_age(
    rounds: int = typer.Option(5, min=1, help="In each, both cameras are measured at the same time."),
    seconds: float = typer.Option(8.0, min=1.0, help="Of each round."),
) -> None:
    """Run two cameras side by side, one with an inbox: frame rate and age; a minute."""
    golden = read_model(builtin_paths("nano", "auto")[0]).card.golden[0]
    picture = decode(base64.b64decode(golden.picture), "golden frame")
    print("\n".join(load_lines(measure_inbox([picture, np.full_like(picture, 128)], rounds, seconds, _show))))


def _writable(json_file: Path | None) -> None:
    if json_file:
        check_writable(json_file)  # now, not after minutes of measuring


def _show(step: str) -> None:
    if step:
        print(step, file=sys.stderr, flush=True)


def _pictures(model: ModelFile, data: str | None, count: int) -> Pictures:
    """Test images of the data set that was named, or trained on; else the pictures in the model's card."""
    try:
        tests = held_out_images(model, data, count)
    except EdgeclsError:
        if data is not None:
            raise
    else:
        return Pictures(f"{tests.name}, test images", list(tests.images[..., ::-1]))
    golden = [decode(base64.b64decode(frame.picture), "golden frame") for frame in model.card.golden]
    if not golden:
        raise MissingInput(f"{model.path}: has no pictures in its card; name the data set with --data")
    return Pictures(f"{len(golden)} golden frames of the card, cropped differently for each", golden)


def _load(data: str, seed: int) -> TrainingArrays:
    dataset = load_dataset(data, ImageRule(_SIDE_PX, _SIDE_PX), seed)
    train, val, test = ((split.images, split.truth) for split in (dataset.train, dataset.val, dataset.test))
    return TrainingArrays(train, val, test)


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line, or these arguments; ends the process."""
    try:
        app(arguments)
    except EdgeclsError as error:
        print(f"tools: error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
