"""Tables of a configuration file for `--on LABEL ACTION`: `[[on]]`, with one key for each setting."""

from typing import Any

from .rules import SETTINGS, split_action


def to_table(pair: tuple[str, str]) -> dict[str, Any]:
    """A rule as a table of a configuration file."""
    label, text = pair
    kind, settings, target = split_action(text)
    table: dict[str, Any] = {"label": label, kind: int(target) if kind == "gpio" else target}
    return table | {name: True if name == "picture" else value for name, value in settings.items()}


def from_table(table: object) -> tuple[str, str]:
    """A table of a configuration file as the words of `--on`.

    Raises:
        ValueError: it is none; the text says what to write.
    """
    if not isinstance(table, dict):
        raise ValueError('write a table: [[on]], label = "cup", run = "notify-send cup"')
    values: dict[str, object] = dict(table)  # pyright: ignore[reportUnknownArgumentType]
    label = values.pop("label", None)
    if not isinstance(label, str):
        raise ValueError('write label = "..."')
    kinds = [name for name in values if name in SETTINGS]
    if len(kinds) != 1:
        raise ValueError(f"write one of {', '.join(SETTINGS)} for label {label}")
    kind = kinds[0]
    target = values.pop(kind)
    if type(target) is not (int if kind == "gpio" else str):
        raise ValueError(f"write {kind} = {'17, a number' if kind == 'gpio' else 'a text in quotes'}")
    settings = {name: _setting_text(kind, name, value) for name, value in values.items()}
    texts = [
        name if value == "" else f"{name}={value}" for name, value in settings.items() if value is not None
    ]
    if kind == "gpio":
        return label, ":".join([f"{kind}:{target}", *texts])
    return label, f"{','.join([kind, *texts])}:{target}"


def _setting_text(kind: str, name: str, value: object) -> str | None:
    """A setting of a table as on the command line; empty for a word alone, None for one that is off."""
    if name not in SETTINGS[kind]:
        raise ValueError(f"{kind} has no setting {name}; it has {' and '.join(SETTINGS[kind])}")
    if name == "picture":
        if not isinstance(value, bool):
            raise ValueError("picture: write true or false")
        return "" if value else None
    if isinstance(value, bool) or not isinstance(value, str | int | float) or not str(value):
        raise ValueError(f"{name}: write a text in quotes")
    if set(str(value)) & set(",:="):
        raise ValueError(f"{name}: write a word, or a time such as 5s")
    return str(value)
