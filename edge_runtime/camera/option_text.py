"""Camera options as text: a configuration file, and the arguments of a command line."""

import json
from collections.abc import Mapping
from dataclasses import Field, fields
from typing import Any, get_args, get_type_hints

from ..masking import has_secret
from .option_values import choices_of, flag_of
from .options import CameraOptions


def to_toml(options: CameraOptions) -> str:
    """A configuration file: the options that are set, and the others as comments.

    A token and a source with a password are left to the environment, since the file may be shared.
    """
    hints = get_type_hints(CameraOptions)
    hidden = _hidden(options)
    tables = _on_tables(options)
    lines = ["# edgecls camera --config FILE", ""]
    group = ""
    for option in fields(options):
        if option.metadata["group"] != group:
            group = option.metadata["group"]
            lines += ["", f"# {group}"] if lines[-1] else [f"# {group}"]
        value = getattr(options, option.name)
        if option.name == "on":
            lines.append("# on: at the end" if tables else f"# on: tables, such as {_ON_EXAMPLE}")
        elif option.name in hidden:
            lines.append(f"# {option.name}: set {option.metadata['variable']} in the environment")
        elif value is None or value == option.default:
            shown = _example(option, hints[option.name]) if option.default is None else _toml(option.default)
            lines.append(f"# {option.name} = {shown}")
        else:
            lines.append(f"{option.name} = {_toml(value)}")
    return "\n".join([*lines, *tables]) + "\n"


def _hidden(options: CameraOptions) -> list[str]:
    """The options that hold a secret."""
    hidden = ["token", *(["source"] if has_secret(options.source) else [])]
    if options.mqtt:
        from .mqtt.broker import has_password  # noqa: PLC0415 - which most loops do without

        hidden += ["mqtt"] if has_password(options.mqtt) else []
    return hidden


_ON_EXAMPLE = '[[on]], label = "cup", run = "notify-send cup", at the end of this file'


def _on_tables(options: CameraOptions) -> list[str]:
    """The lines of `on`; as tables they stand at the end. A URL's password is left to the environment."""
    if not options.on:
        return []
    from .actions.rule_tables import to_table  # noqa: PLC0415 - which most loops do without
    from .actions.rules import shown_as_typed  # noqa: PLC0415

    if any(shown_as_typed(action) != action for _, action in options.on):
        return ["", "# on: set EDGECLS_ON in the environment, as a webhook has a secret in its URL"]
    lines: list[str] = []
    for pair in options.on:
        lines += ["", "[[on]]", *(f"{name} = {_toml(value)}" for name, value in to_table(pair).items())]
    return lines


def to_arguments(values: Mapping[str, Any]) -> list[str]:
    """Options as somebody would type them; those that equal their defaults are left out."""
    typed: list[str] = []
    for option in fields(CameraOptions):
        value = values.get(option.name, option.default)
        if value is None or value == option.default:
            continue
        if option.name == "on":
            typed += [word for pair in value for word in ("--on", *pair)]
        elif isinstance(value, bool):
            names = next((flags for flags in option.metadata["flags"] if "/" in flags), flag_of(option.name))
            typed.append(names.split("/")[0 if value else 1])
        else:
            typed += [flag_of(option.name), str(value)]
    return typed


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def _example(option: "Field[Any]", hint: Any) -> str:
    """What to write for an option without a default: `"horizontal" or "vertical"`, `(WxH)`."""
    choices = choices_of(hint)
    if choices:
        return " or ".join(map(_toml, choices))
    if bool in get_args(hint):
        return "true or false"
    return f"({option.metadata['metavar'] or ('number' if float in get_args(hint) else 'text')})"
