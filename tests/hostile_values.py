"""What a stranger might write into a field of a JSON document, and the fields of one."""

import json
import random
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

DEEP: list[Any] = []
for _ in range(100):
    DEEP = [DEEP]
HOSTILE: dict[str, Any] = {
    "null": None,
    "true": True,
    "a text": "x",
    "nothing": "",
    "a number in quotes": "1",
    "an escape sequence": "\x1b[2J",
    "an end of a line": "two\nlines",
    "a tab": "a\tb",
    "a C1 control": "\x9b2J",
    "a direction": "a\u202eb",
    "a lone surrogate": "\ud800",
    "a long text": "x" * 5000,
    "minus one": -1,
    "zero": 0,
    "a fraction": 0.5,
    "a large number": 10**15,
    "a huge number": 10**400,
    "a huge float": 1e308,
    "NaN": float("nan"),
    "infinity": float("inf"),
    "a list": [],
    "an object": {},
    "a list of objects": [{}],
    "a deep list": DEEP,
    "many entries": [0] * 70_000,
}


def places(value: Any, path: str = "") -> Iterator[str]:
    """The path of every value of a card, those of lists and objects among them."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        name = f"[{key}]" if isinstance(key, int) else f".{key}"
        yield (path + name).removeprefix(".")
        yield from places(each, path + name)


def _place_of(card: Any, path: str) -> tuple[Any, str | int]:
    """The list or object that holds the value at a path, and its index or name there."""
    parts = path.replace("[", ".").replace("]", "").split(".")
    *before, last = [int(part) if part.isdecimal() else part for part in parts]
    for part in before:
        card = card[part]
    return card, last


def put(document: Any, path: str, value: Any) -> None:
    """Writes a value at a path into a document."""
    place, last = _place_of(document, path)
    place[last] = value


def remove(document: Any, path: str) -> None:
    """Takes the value at a path out of a document."""
    place, last = _place_of(document, path)
    del place[last]


def hostile_documents(document: Any, count: int) -> Iterator[str]:
    """Yields a document as JSON so many times, each each with a hostile value somewhere; always the same."""
    pairs = [(path, kind) for path in places(document) for kind in HOSTILE if kind != "many entries"]
    for path, kind in random.Random(0).sample(pairs, min(count, len(pairs))):
        other = deepcopy(document)
        put(other, path, HOSTILE[kind])
        yield json.dumps(other)
