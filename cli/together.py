"""Options that have no effect together are refused: what was asked for must not be missing silently."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from ..edge_runtime.errors import UsageError
from ..edge_runtime.images.picture_options import PictureOptions

_FILES, _OUT = frozenset({"models", "data"}), frozenset({"json_file", "report_folder"})
_PICTURES = frozenset(option.name for option in fields(PictureOptions))
_ALONE: Mapping[str, Mapping[str, frozenset[str]]] = {
    "bench": {
        "scaling": _FILES | _OUT | {"threads", "seconds"},
        "corruptions": _FILES | _OUT | {"threads", "images", "fail_under", "fail_over"},
    },
    "train": {"list_networks": frozenset({"imgsz", "size"})},
    "camera": {
        "replay": frozenset(
            {"model", "engine", "threads", "labels", "conf", "topk", "json", "show", "config"}
        )
        | _PICTURES
    },
}
"""For a command and an option that changes what it does: the parameters that have an effect then."""
_NEEDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "train": {"temperature": ("teacher", "from_report"), "teacher_share": ("teacher", "from_report")},
    "export": {"max_drop": ("int8", "quantize"), "calibration_images": ("int8", "quantize")},
    "camera": {
        "events_max_mb": ("events",),
        "token": ("serve",),
        "serve_name": ("serve",),
        "mqtt_password_file": ("mqtt",),
        "mqtt_ca_file": ("mqtt",),
        "mqtt_commands": ("mqtt",),
    },
}
"""For a command and an option: the options of which it needs one."""
_EITHER: Mapping[str, tuple[tuple[str, str], ...]] = {
    "camera": (("once", "max_frames"),),
    "demo": (("output", "folder"),),
    "export": (("target_precision", "precision"),),
    "sweep": (("imgsz", "size"),),
    "train": (("imgsz", "size"),),
}
"""For a command: options that say the same, so that one would be ignored."""
_AS = {"install": "camera"}


def check_together(context: Any, values: Mapping[str, Any]) -> None:
    """Refuses an option on the command line that has no effect beside the others.

    Args:
        context: of the command, parsed.
        values: its parameters by name, those of a configuration file too.

    Raises:
        UsageError: one has none.
    """
    name = str(_AS.get(context.command.name) or context.command.name)
    flags: dict[str, str] = {param.name: param.opts[0] for param in context.command.params}
    typed = [param for param in flags if _is_typed(context, param)]
    for alone, allowed in _ALONE.get(name, {}).items():
        if values.get(alone):
            for param in typed:
                if param not in allowed | {alone}:
                    raise UsageError(f"{flags[param]}: has no effect with {flags[alone]}; leave it out")
    for param in typed:
        needed = _NEEDS.get(name, {}).get(param)
        if needed and not any(values.get(other) for other in needed):
            raise UsageError(f"{flags[param]}: has no effect without {flags[needed[0]]}; add it")
    for first, second in _EITHER.get(name, ()):
        if {first, second} <= {*typed}:
            raise UsageError(f"{flags[first]} and {flags[second]}: only one has an effect; leave one out")


def _is_typed(context: Any, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
