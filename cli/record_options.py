"""`--record` and `--replay` of `edgecls camera`."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..edge_runtime.camera.answer import Sink
    from ..edge_runtime.camera.event import OnEvent
    from ..edge_runtime.camera.recording import RecordedSettings
    from ..edge_runtime.camera.sources.source import Source
    from ..edge_runtime.classifier import Classifier


Record = Annotated[
    str | None,
    typer.Option(
        metavar="OUT.mp4|DIR/",
        help="Write an annotated video, such as out.mp4; or, to a folder, named with a slash at its end, the "
        "frames as they came and the answers, for --replay.",
    ),
]
RecordMaxMb = Annotated[
    int | None,
    typer.Option(min=1, help="With --record DIR/: megabytes on the disk, over which the oldest frames go."),
]
Replay = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR/",
        help="Run the model over what --record DIR/ kept, and list where it announces something else; "
        "--smooth, --hold, --roi and the like are as they were.",
    ),
]


def open_recorder(
    record: str,
    max_mb: int | None,
    source: "Source",
    classifier: "Classifier",
    settings: "RecordedSettings",
    on_event: "OnEvent",
) -> "Sink":
    """What writes to `record`: a folder of frames where it ends in a slash or is one, else a video.

    Raises:
        EdgeclsError: nothing can be written there, or a recording is there already.
    """
    from ..edge_runtime.camera.outputs.frame_folder import FrameRecorder
    from ..edge_runtime.camera.outputs.video_file import Recorder
    from ..edge_runtime.camera.recording import new_header
    from ..edge_runtime.errors import UsageError

    path = Path(record)
    if record.endswith("/") or path.is_dir():
        header = new_header(source.description, classifier, settings)
        return FrameRecorder(path, header, on_event, max_bytes=max_mb * 1_000_000 if max_mb else None)
    if max_mb:
        raise UsageError(f"--record-max-mb is for a folder; write --record {path.with_suffix('')}/")
    if path.exists() and Path(source.description).exists() and path.samefile(source.description):
        raise UsageError(f"--record {path}: is the source itself; choose another name")
    return Recorder(path, source, on_event)


def refuse_with_replay(**outputs: object) -> None:
    """Refuses outputs that a replay does not write.

    Raises:
        UsageError: one was asked for.
    """
    from ..edge_runtime.errors import UsageError

    for name, value in outputs.items():
        if value:
            raise UsageError(f"--{name} is for a camera; a replay prints what it finds; leave it out")


def run_replay(
    folder: Path, conf: float | None, open_model: "Callable[[float | None], Classifier]", as_json: bool
) -> None:
    """Replays a recording and prints what it found; `open_model` is given the threshold to open it with.

    Raises:
        EdgeclsError: no recording, or no model.
    """
    from ..edge_runtime.camera.loop import stop_on_signals
    from ..edge_runtime.camera.outputs.status_line import StatusLine
    from ..edge_runtime.camera.recording import read_header
    from ..edge_runtime.camera.replay import replay

    recorded_conf = read_header(folder).settings.conf
    status = StatusLine(sys.stderr)
    with stop_on_signals() as stop, open_model(recorded_conf if conf is None else conf) as classifier:
        report = replay(folder, classifier, stop, status.event)
    print(json.dumps(report.to_json(), ensure_ascii=False) if as_json else report.text)
