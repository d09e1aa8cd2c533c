"""Values of options: reads them from a TOML file, and checks those of a program, by a dataclass of options.

Its fields say in `metadata` what holds of each. Imports neither numpy nor OpenCV, as `options.py`.
"""

from dataclasses import Field, fields
from difflib import get_close_matches
from math import isfinite
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_type_hints

from ..errors import BadConfiguration, UsageError
from ..files import TEXT_BYTES, read_whole
from ..masking import has_secret, shown_source, shown_value
from ..schema import checked, parse_toml

DEFAULT_SERVE = "127.0.0.1:8080"
"""Address of the page where none is given."""


def flag_of(name: str) -> str:
    """The option on the command line: `--max-frames` of `max_frames`."""
    return f"--{name.replace('_', '-')}"


def read_options(path: Path, kind: type[Any]) -> dict[str, Any]:
    """Reads the options that a TOML file sets, by name; `kind` is a dataclass, as `CameraOptions`.

    Keys are the options of the command line without `--`, with `-` or `_`; paths are relative to the working
    directory, as on the command line. `serve = true` takes the default address.

    Raises:
        MissingInput, PermissionRefused: the file cannot be read.
        BadConfiguration: not TOML; an unknown option, or a value of the wrong type or out of range.
    """
    try:
        document = parse_toml(read_whole(path, TEXT_BYTES))
    except ValueError as error:
        raise BadConfiguration(f'{path}: not TOML: {error}; write lines such as: source = "csi"') from error
    hints, known = get_type_hints(kind), {option.name: option for option in fields(kind)}
    values: dict[str, Any] = {}
    for key, value in document.items():
        name = key.replace("-", "_")
        if name not in known:
            near = get_close_matches(name, known, n=1)
            remedy = f"did you mean {near[0]}?" if near else "see `edgecls camera --print-config`"
            raise BadConfiguration(f"{path}: {shown_source(key)}: no such option; {remedy}")
        if name not in ("source", "token", "mqtt", "on") and isinstance(value, str) and has_secret(value):
            raise BadConfiguration(
                f"{path}: {key} = {shown_value(value)}: an address of a camera; write source = ..."
            )
        try:
            values[name] = _converted(value, hints[name], known[name])
        except ValueError as error:
            raise BadConfiguration(f"{path}: {key} = {shown_value(value)}: {error}") from None
    return values


def _converted(value: object, hint: Any, option: "Field[Any]") -> Any:
    """A TOML value as the field's type.

    Raises:
        ValueError: it has another type, is no choice, or is out of range; the text says what to write.
    """
    if option.name == "serve" and value is True:
        return DEFAULT_SERVE
    if option.name == "on":
        return _rules(value)
    if option.name in ("source", "rotate") and type(value) is int:
        value = str(value)  # source = 0
    if option.name in ("mean", "std") and not isinstance(value, str):  # mean = [0.485, 0.456, 0.406]
        numbers: tuple[float, ...] | float = checked(tuple[float, ...] | float, value)
        value = ",".join(map(repr, numbers if isinstance(numbers, tuple) else (numbers,)))
    kinds = [kind for kind in get_args(hint) or (hint,) if kind is not NoneType]
    choices = choices_of(hint)
    if choices:
        if value not in choices:
            raise ValueError(f"write one of {', '.join(choices)}")
        return value
    (kind,) = kinds
    if kind is float and type(value) is int:
        value = float(value)
    if kind is Path and isinstance(value, str):
        value = Path(value)
    if type(value) is not kind and not (kind is Path and isinstance(value, Path)):
        words = {str: "a text in quotes", Path: "a path in quotes", int: "a whole number", float: "a number"}
        raise ValueError(f"write {words.get(kind, 'true or false')}")
    _check_range(value, option.metadata["minimum"], option.metadata["maximum"])
    return value


def _rules(value: object) -> tuple[tuple[str, str], ...]:
    """The tables of `[[on]]` as the command line writes them."""
    from .actions.rule_tables import from_table  # noqa: PLC0415 - which most loops do without

    if not isinstance(value, list):
        raise ValueError('write tables: [[on]], label = "cup", run = "notify-send cup"')
    tables: list[object] = list(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return tuple(map(from_table, tables))


def check_numbers(options: Any) -> None:
    """Checks the numbers of options that a program has made; those of a file and a command line are.

    Raises:
        UsageError: one is out of range, infinite or NaN.
    """
    for option in fields(options):
        value = getattr(options, option.name)
        if isinstance(value, int | float):
            try:
                _check_range(value, option.metadata["minimum"], option.metadata["maximum"])
            except ValueError as error:
                raise UsageError(f"{flag_of(option.name)} {value}: {error}") from None


def _check_range(value: Any, low: float | None, high: float | None) -> None:
    if isinstance(value, float) and not isfinite(value):
        raise ValueError("write a number")
    if low is not None and value < low:
        raise ValueError(f"write at least {low:g}")
    if high is not None and value > high:
        raise ValueError(f"write at most {high:g}")


def choices_of(hint: Any) -> list[str]:
    """The texts that a Literal allows; none for other types."""
    kinds = [kind for kind in get_args(hint) or (hint,) if kind is not NoneType]
    return [choice for kind in kinds for choice in get_args(kind) or (kind,) if isinstance(choice, str)]
