"""Schemas: what a file says, checked against the annotations of the dataclass that it becomes.

    @dataclass(frozen=True)
    class Rule:
        width_px: Annotated[int, Range(1, 4096)]
        crop: Literal["center", "stretch"] = "center"

    rule = checked(Rule, parse_json(content))

Whatever edgecls reads from a disk as JSON comes through here, so that a value of another type, a number out
of range or a text that would move the cursor of a terminal is one `ValueError`, which says where it stands.
Nothing is converted: `true` is no number, `1.0` no whole one, and `"1"` neither. A text is one line without
control characters, unless it is `Raw`.
"""

import binascii
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache, partial
from math import inf
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
    overload,
)

from .text import first_unsafe, printable

T = TypeVar("T")
Checker = Callable[[Any], Any]
"""Returns the value as its type has it; raises `Misfit`."""

_LARGEST = 2**63 - 1
"""Of a whole number without a range: what 64 bits hold."""
_LONGEST = 4096
"""Characters of a text without a length."""
_MOST_ENTRIES = 1_000_000
"""Of a list without a length."""
_DEEPEST = 16
"""Lists and objects inside each other, where anything may stand."""
_SHOWN = 40


# What an annotation can ask for, beside its type.


@dataclass(frozen=True)
class Range:
    """A number's range, both ends included."""

    low: float = -inf
    high: float = inf


@dataclass(frozen=True)
class Length:
    """How many characters, entries or keys; both ends included."""

    least: int = 0
    most: int = _MOST_ENTRIES


class Unlimited:
    """A number that may be infinite or NaN too, such as the loss of a training that diverged."""


class Raw:
    """A text that may hold any character, such as a file's name; whoever shows it makes it `printable`."""


@dataclass(frozen=True)
class Base64:
    """A text that is base64 of at most so many bytes."""

    most_bytes: int


# Reading a file's text.


def parse_json(content: str | bytes) -> Any:
    """Returns the value of a JSON document.

    Raises:
        ValueError: it is none, or nested too deeply.
    """
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def parse_toml(content: bytes) -> dict[str, Any]:
    """Returns the value of a TOML document.

    Raises:
        ValueError: it is none, or nested too deeply.
    """
    import tomllib  # noqa: PLC0415 - few commands read one

    try:
        return tomllib.loads(content.decode())
    except RecursionError:
        raise ValueError("nested too deeply") from None


# Checking it.


class Misfit(ValueError):
    """A value that is not what its place asks for."""

    def __init__(self, why: str, where: str = "") -> None:
        super().__init__(f"{where.removeprefix('.')}: {why}" if where else why)
        self._why, self._where = why, where

    def inside(self, where: str) -> "Misfit":
        """The same, of a value that stands in another: `.name` or `[index]`."""
        return Misfit(self._why, where + self._where)


@overload
def checked(kind: type[T], value: object, *, only_known: bool = False) -> T: ...


@overload
def checked(kind: Any, value: object, *, only_known: bool = False) -> Any: ...


def checked(kind: Any, value: object, *, only_known: bool = False) -> Any:
    """Returns a value read from a file as `kind`, with everything in it checked.

    Args:
        kind: a dataclass, or any annotation that its fields may have: bool, int, float, str, `Any`, None,
            `Literal`, tuples, dictionaries with keys of text, unions, and `Annotated` of them.
        value: of JSON or TOML.
        only_known: whether fields that a dataclass does not have are refused. Otherwise they are left out, so
            that older readers accept newer files.

    Raises:
        ValueError: it does not fit; the text says which value, and what belongs in its place.
    """
    return _checker(kind, only_known)(value)


@cache
def _checker(kind: Any, only_known: bool) -> Checker:
    """Made once for each annotation, as a card holds thousands of numbers."""
    rules: tuple[Any, ...] = ()
    if get_origin(kind) is Annotated:
        kind, *given = get_args(kind)
        rules = tuple(given)
    origin, arguments = get_origin(kind), get_args(kind)
    inner = partial(_checker, only_known=only_known)
    if is_dataclass(kind):
        check = _of_dataclass(cast("type[Any]", kind), only_known)
    elif origin in (Union, UnionType):
        check = _of_union([inner(each) for each in arguments if each is not NoneType], NoneType in arguments)
    elif origin is Literal:
        check = _of_choices(arguments)
    elif origin is tuple:
        items = [inner(each) for each in arguments if each is not Ellipsis]
        check = _of_tuple(items, _length(rules, _MOST_ENTRIES), is_list=Ellipsis in arguments)
    elif origin is list:
        check = _of_tuple([inner(arguments[0])], _length(rules, _MOST_ENTRIES), is_list=True, kind=list)
    elif origin in (dict, Mapping):
        check = _of_mapping(inner(arguments[1]), _length(rules, _MOST_ENTRIES))
    elif kind is str:
        check = _of_text(rules)
    elif kind in (int, float):
        check = _of_number(kind, rules)
    else:
        check = {bool: _true_or_false, Any: _anything}[kind]
    return check


def _length(rules: tuple[Any, ...], most: int) -> Length:
    return next((rule for rule in rules if isinstance(rule, Length)), Length(0, most))


def _of_dataclass(kind: type[Any], only_known: bool) -> Checker:
    hints = get_type_hints(kind, include_extras=True)
    known = {each.name: _checker(hints[each.name], only_known) for each in fields(kind) if each.init}
    needed = [
        each.name
        for each in fields(kind)
        if each.init and each.default is MISSING and each.default_factory is MISSING
    ]

    def check(value: Any) -> Any:
        if not isinstance(value, dict):
            raise Misfit(f"{_shown(value)} is not an object")
        given = cast("dict[str, Any]", value)
        if lacking := next((name for name in needed if name not in given), None):
            raise Misfit("is missing", f".{lacking}")
        if only_known and (other := next((name for name in given if name not in known), None)) is not None:
            raise Misfit(f"{_shown(other)} is not known here")
        made: dict[str, Any] = {}
        for name, item in known.items():
            try:
                if name in given:
                    made[name] = item(given[name])
            except Misfit as error:
                raise error.inside(f".{name}") from None
        return kind(**made)

    return check


def _of_union(alternatives: list[Checker], is_optional: bool) -> Checker:
    def check(value: Any) -> Any:
        if value is None and is_optional:
            return None
        for alternative in alternatives[:-1]:
            try:
                return alternative(value)
            except Misfit:
                continue
        return alternatives[-1](value)

    return check


def _of_choices(choices: tuple[Any, ...]) -> Checker:
    def check(value: Any) -> Any:
        if not any(type(value) is type(choice) and value == choice for choice in choices):
            raise Misfit(f"{_shown(value)} is not {' or '.join(map(str, choices))}")
        return value

    return check


def _of_tuple(
    items: list[Checker],
    length: Length,
    *,
    is_list: bool,
    kind: type[Sequence[Any]] = tuple,
) -> Checker:
    """Of a list of any length whose entries are alike, or of one that has an entry for each of `items`."""
    if not is_list:
        length = Length(len(items), len(items))

    def check(value: Any) -> Any:
        if not isinstance(value, list):
            raise Misfit(f"{_shown(value)} is not a list")
        given = cast("list[Any]", value)
        _check_length(len(given), length, "entries")
        made: list[Any] = []
        try:
            for each, item in zip(given, items * len(given) if is_list else items, strict=True):
                made.append(item(each))
        except Misfit as error:
            raise error.inside(f"[{len(made)}]") from None
        return made if kind is list else tuple(made)

    return check


def _of_mapping(item: Checker, length: Length) -> Checker:
    key = _of_text(())

    def check(value: Any) -> Any:
        if not isinstance(value, dict):
            raise Misfit(f"{_shown(value)} is not an object")
        given = cast("dict[str, Any]", value)
        _check_length(len(given), length, "entries")
        made: dict[str, Any] = {}
        for name, each in given.items():
            try:
                made[key(name)] = item(each)
            except Misfit as error:
                raise error.inside(f".{printable(name[:_SHOWN])}") from None
        return made

    return check


def _of_text(rules: tuple[Any, ...]) -> Checker:
    base64_rule = next((rule for rule in rules if isinstance(rule, Base64)), None)
    most = base64_rule.most_bytes * 4 // 3 + 4 if base64_rule else _LONGEST
    length, is_raw = _length(rules, most), Raw in rules

    def check(value: Any) -> Any:
        if not isinstance(value, str):
            raise Misfit(f"{_shown(value)} is not a text")
        _check_length(len(value), length, "characters")
        if base64_rule:
            try:
                binascii.a2b_base64(value, strict_mode=True)
            except ValueError:
                raise Misfit(f"{_shown(value)} is not base64") from None
        elif not is_raw and (found := first_unsafe(value)):
            raise Misfit(f"{_shown(value)} has {found} in it, which no text here may have")
        return value

    return check


def _of_number(kind: type[int] | type[float], rules: tuple[Any, ...] = ()) -> Checker:
    asked = next((rule for rule in rules if isinstance(rule, Range)), Range())
    low, high = asked.low, asked.high
    largest = _LARGEST if kind is int else sys.float_info.max
    low, high = (
        max(low, -largest),
        min(high, largest),
    )  # leaves out infinity; NaN fails any comparison
    is_unlimited = Unlimited in rules
    what = "a whole number" if kind is int else "a number"
    if asked != Range():
        what += (
            f" from {asked.low:,} to {asked.high:,}" if asked.high < inf else f" of at least {asked.low:,}"
        )

    def check(value: Any) -> Any:
        if type(value) is kind and low <= value <= high:
            return value
        if kind is float and type(value) is int and low <= value <= high and abs(value) <= _LARGEST:
            return float(value)
        if is_unlimited and isinstance(value, float):
            return value
        raise Misfit(f"{_shown(value)} is not {what}")

    return check


def _true_or_false(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Misfit(f"{_shown(value)} is not true or false")
    return value


_text = _of_text((Length(0, 1_000_000),))
_number = {int: _of_number(int), float: _of_number(float)}


def _anything(value: Any, depth: int = 0) -> Any:
    """Any value of JSON whose texts and numbers are such as everywhere else."""
    if depth > _DEEPEST:
        raise Misfit("nested too deeply")
    if isinstance(value, list | dict):
        _check_length(len(value), Length(), "entries")  # pyright: ignore[reportUnknownArgumentType]
        given = cast("list[Any] | dict[str, Any]", value)
        for name, each in given.items() if isinstance(given, dict) else enumerate(given):
            try:
                _anything(each, depth + 1)
                _text(name) if isinstance(name, str) else None
            except Misfit as error:
                where = f".{printable(name[:_SHOWN])}" if isinstance(name, str) else f"[{name}]"
                raise error.inside(where) from None
        return given
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, bool):
        return value
    if type(value) not in _number:
        raise Misfit(f"{_shown(value)} is not a value of JSON")
    return _number[type(value)](value)


def _check_length(length: int, allowed: Length, what: str) -> None:
    if not allowed.least <= length <= allowed.most:
        bounds = (
            f"{allowed.least:,} to {allowed.most:,}" if allowed.least != allowed.most else f"{allowed.most:,}"
        )
        raise Misfit(f"has {length:,} {what}, not {bounds}")


def _shown(value: object) -> str:
    """A value for a message, cut where it is long."""
    if isinstance(value, list | dict):
        return "[...]" if isinstance(value, list) else "{...}"
    if isinstance(value, str):
        cut = value[:_SHOWN]
        return f'"{printable(cut)}"' + ("..." if cut != value else "")
    if isinstance(value, int) and abs(value) > _LARGEST:
        return "a number of more than 64 bits"
    return json.dumps(value, default=str)[:_SHOWN]
