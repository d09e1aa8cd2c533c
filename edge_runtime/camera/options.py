"""Camera options: one frozen value that the command line, a TOML file and Python make alike.

The fields are the options of `edgecls camera` by their names; `metadata` holds what a command line and a
configuration file need to know of each. `session.py` checks the value and makes a running loop of it.
Imports neither numpy nor OpenCV, so that `--help` stays fast.
"""

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, Self

from ..engines.names import EngineName
from ..images.picture_options import PictureOptions
from ..images.rule import Channels, Crop, PixelRange
from ..text import expanded
from .option_values import read_options

Rotation = Literal["0", "90", "180", "270"]
"""Degrees clockwise, as the command line spells them."""
Flip = Literal["horizontal", "vertical"]

SOURCE, MODEL, VIEW, DECISION, RATE, OUTPUT, ACTION, MQTT, PAGE, RECORD = (
    "Source",
    "Model",
    "View",
    "Decision",
    "Rate",
    "Output",
    "Actions",
    "MQTT",
    "Web page",
    "Recording",
)
"""Groups of options in the help."""


def _option(
    default: Any,
    group: str,
    help_text: str,
    *,
    flags: tuple[str, ...] = (),
    metavar: str | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
    variable: str | None = None,
) -> Any:
    """A field of `CameraOptions`; `flags` are further names, `variable` one of the environment."""
    return field(
        default=default,
        repr=variable is None,  # what the environment may hold is a secret, or may have one in it
        metadata={
            "group": group,
            "help": help_text,
            "flags": flags,
            "metavar": metavar,
            "minimum": minimum,
            "maximum": maximum,
            "variable": variable,
        },
    )


@dataclass(frozen=True)
class CameraOptions:
    """Everything that `edgecls camera` can be asked for.

        options = CameraOptions(source="rtsp://10.0.0.7/live", model=Path("nano"), serve="127.0.0.1:8080")
        with open_session(options) as session:
            report = session.run()

    Times are in seconds, probabilities from 0 to 1, sizes in megabytes of 10^6 bytes.
    """

    source: str = _option(
        "0",
        SOURCE,
        "Camera index or device, csi, a video, an image, a folder or glob of images, an http(s) or rtsp(s) "
        "URL, or demo, which needs no camera.",
        flags=("-s",),
        variable="EDGECLS_SOURCE",
    )
    realtime: bool = _option(
        True,
        SOURCE,
        "Play a video at its own rate, or classify every frame as fast as possible.",
        flags=("--realtime/--no-realtime",),
    )
    size: str | None = _option(
        None,
        SOURCE,
        "Capture size to ask a local camera for, such as 640x480; default: four times the network's input, "
        "and at least 640x480 with a window, a page, a recording or an inbox.",
        metavar="WxH",
    )
    wait: bool | None = _option(
        None,
        SOURCE,
        "Wait for a camera that is missing at the start, or give up; default: wait, except on a terminal.",
        flags=("--wait/--no-wait",),
    )
    stall_timeout: float | None = _option(
        None,
        SOURCE,
        "Reconnect after this many seconds without a picture; default: 5, or three intervals of a slow one.",
        metavar="SECONDS",
        minimum=1.0,
    )
    ca_file: Path | None = _option(
        None, SOURCE, "Trust the certificates in this PEM file, such as the camera's own.", metavar="FILE"
    )
    tls_fingerprint: str | None = _option(
        None,
        SOURCE,
        "Accept only the certificate with this SHA-256 fingerprint, as the error for it shows.",
        metavar="sha256:HEX",
    )
    once: bool = _option(False, SOURCE, "Stop after one frame.")
    max_frames: int | None = _option(None, SOURCE, "Stop after this many frames.", metavar="N", minimum=1)

    model: Path | None = _option(
        None,
        MODEL,
        "Exported .tflite or .onnx file, a folder, or a built-in model by name (`edgecls models`); default: "
        "the newest int8 .tflite in this folder, else the built-in imagenet where the folder holds no model, "
        "not even an .h5.",
        flags=("-m",),
    )
    engine: EngineName = _option(
        "auto", MODEL, "Inference engine; auto: the one that runs the file's format."
    )
    threads: int = _option(
        1, MODEL, "Engine threads; more than one rarely helps.", metavar="N", minimum=1, maximum=1024
    )
    labels: Path | None = _option(
        None,
        MODEL,
        "Labels of a foreign model, in the order of its outputs: lines, JSON, YAML or CSV.",
        metavar="FILE",
    )
    scale: PixelRange | None = _option(
        None, MODEL, "Pixel range that a foreign model was trained on; default: what the file says."
    )
    mean: str | None = _option(
        None,
        MODEL,
        "Mean that is subtracted from a foreign model's pixels, in units of --scale (here 0..1 if unset): a "
        "number, three, or imagenet, with its deviation.",
        metavar="M[,M,M]|imagenet",
    )
    std: str | None = _option(
        None,
        MODEL,
        "Deviation by which they are then divided: a number, three, or imagenet.",
        metavar="S[,S,S]|imagenet",
    )
    channels: Channels | None = _option(
        None, MODEL, "Channels of a foreign model, in its order; default: rgb, or grey where it takes one."
    )
    crop: Crop | None = _option(
        None,
        MODEL,
        "Part of the picture that a foreign model sees: the largest centred box of its shape, or all of it, "
        "stretched; default: center.",
    )
    resize_to: int | None = _option(
        None,
        MODEL,
        "Shorter side of the picture before the centre crop, such as 256 for torchvision's 224 px.",
        metavar="PIXELS",
        minimum=1,
        maximum=16_384,
    )
    imgsz: str | None = _option(
        None,
        MODEL,
        "Size of the pictures that a foreign model was trained on, where it takes any.",
        metavar="SIDE|HxW",
    )
    output: str | None = _option(
        None, MODEL, "Output that is read of a foreign model with several, by its name.", metavar="NAME"
    )
    require_signed: bool = _option(
        False,
        MODEL,
        "Refuse a model that no trusted key has signed; see `edgecls sign`. Built-in models need none.",
    )

    roi: str | None = _option(
        None,
        VIEW,
        "Classify this region only, in pixels or, with a decimal point, as shares of the picture, such as "
        "0.25,0.0,0.5,1.0; as seen after --rotate and --flip.",
        metavar="X,Y,W,H",
    )
    rotate: Rotation = _option("0", VIEW, "Rotate the picture clockwise by this many degrees.")
    flip: Flip | None = _option(
        None, VIEW, "Mirror the picture after --rotate; horizontal swaps left and right."
    )

    conf: float | None = _option(
        None,
        DECISION,
        'Confidence threshold; below it the answer is "unknown"; default: the one exported with the model.',
        minimum=0.0,
        maximum=1.0,
    )
    conf_off: float | None = _option(
        None,
        DECISION,
        "Withdraw an announced label below this confidence; default: 0.8 of the threshold.",
        minimum=0.0,
        maximum=1.0,
    )
    smooth: float = _option(
        0.5, DECISION, "Average probabilities over this many seconds (not for images).", minimum=0.0
    )
    hold: float = _option(
        0.5,
        DECISION,
        "Announce a label after it has won for this many seconds (not for images).",
        minimum=0.0,
    )
    topk: int = _option(3, DECISION, "Number of labels to rank.", metavar="K", minimum=1)

    fps: float | None = _option(None, RATE, "Classify at most this many frames per second.", minimum=0.01)
    cpu: str | None = _option(
        None, RATE, "Use at most this share of one core, capture included, such as 25%.", metavar="PERCENT"
    )
    skip_still: bool = _option(False, RATE, "Classify only once a second while nothing moves.")

    show: bool | None = _option(
        None,
        OUTPUT,
        "Open a window, or none; default: a window where there is a screen.",
        flags=("--show/--headless",),
    )
    json: bool = _option(False, OUTPUT, "Write one line of JSON per frame to stdout.")
    events: Path | None = _option(
        None, OUTPUT, "Write events to this file as lines of JSON, such as events.jsonl.", metavar="FILE"
    )
    events_max_mb: float = _option(
        10.0,
        OUTPUT,
        "Limit for both event files; the older half is kept in FILE.1.",
        metavar="MB",
        minimum=0.01,
        maximum=1e6,
    )

    on: tuple[tuple[str, str], ...] = _option(
        (),
        ACTION,
        "When LABEL is announced (any: whichever, unknown: none any more, left:LABEL: withdrawn), do ACTION: "
        'run:"COMMAND", sh:"COMMAND" by a shell, webhook:URL, gpio:PIN or gpio:PIN:pulse=2s. Repeatable.',
        metavar="LABEL ACTION",
        variable="EDGECLS_ON",
    )

    mqtt: str | None = _option(
        None,
        MQTT,
        "Publish label, confidence, events and pictures at this broker, below the topic in its URL (default: "
        "edgecls/ and this machine's name); Home Assistant finds them by itself. mqtts is encrypted. The "
        "password comes from EDGECLS_MQTT_PASSWORD or --mqtt-password-file.",
        metavar="mqtt://[USER@]HOST[:PORT][/TOPIC]",
        variable="EDGECLS_MQTT",
    )
    mqtt_password_file: Path | None = _option(
        None, MQTT, "Read the broker's password from the first line of this file.", metavar="FILE"
    )
    mqtt_ca_file: Path | None = _option(
        None, MQTT, "Trust the certificates in this PEM file, such as the broker's own.", metavar="FILE"
    )

    mqtt_commands: bool = _option(
        False,
        MQTT,
        "Obey snapshot, pause, resume and restart at the topic /command, from whoever may publish there.",
    )

    serve: str | None = _option(
        None,
        PAGE,
        "Serve a web page with the live picture, at 127.0.0.1:8080 by default; other addresses need --token.",
        metavar="[HOST:PORT]",
    )
    serve_name: str | None = _option(
        None,
        PAGE,
        "Further host names of the page, with commas between them, such as a proxy's cam.example.com.",
        metavar="NAME",
    )
    token: str | None = _option(
        None,
        PAGE,
        "Token of 16 characters or more that viewers of the page must know; set it in the environment, as "
        "process lists show options.",
        variable="EDGECLS_TOKEN",
    )

    record: str | None = _option(
        None,
        RECORD,
        "Record an annotated video (OUT.mp4, or OUT.webm for browsers); or, with a slash at the end, a folder"
        " of the frames as captured and the answers, for --replay. Needs no model of yours.",
        metavar="OUT.mp4|OUT.webm|DIR/",
    )
    record_max_mb: int | None = _option(
        None,
        RECORD,
        "Disk limit of --record DIR/; the oldest frames are deleted first.",
        metavar="MB",
        minimum=1,
    )
    inbox: Path | None = _option(
        None,
        RECORD,
        "Keep frames worth labelling in this folder, each with what the model said: those it was unsure of, "
        "that changed the label or look like none before, and a few at random; at most 500 and 200 MB.",
        metavar="DIR",
    )

    def __post_init__(self) -> None:
        # A program may write paths as text, and pairs as lists.
        for name in ("ca_file", "model", "labels", "events", "inbox", "mqtt_password_file", "mqtt_ca_file"):
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, expanded(value))
        object.__setattr__(self, "on", tuple((label, action) for label, action in self.on))

    @property
    def picture_options(self) -> PictureOptions:
        """How a foreign model wants its pictures.

        Raises:
            UsageError: see `PictureOptions`.
        """
        return PictureOptions(
            **{option.name: getattr(self, option.name) for option in fields(PictureOptions)}
        )

    @property
    def frame_limit(self) -> int | None:
        """Number of frames after which the loop ends; None: when the source ends."""
        return 1 if self.once else self.max_frames

    @classmethod
    def from_toml(cls, path: Path) -> Self:
        """Reads options from a TOML file: `source = "csi"`, `events_max_mb = 20`; see `option_values.py`."""
        return cls(**read_options(path, cls))

    def changed(self) -> dict[str, Any]:
        """The options that differ from their defaults, by name."""
        return {
            option.name: value
            for option in fields(self)
            if (value := getattr(self, option.name)) != option.default
        }
