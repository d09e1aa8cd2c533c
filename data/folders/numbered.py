"""Names of classes whose folders have numbers: `0`, `1`, `n01440764`, with a list of names beside them."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from ...edge_runtime.errors import EdgeclsError
from ...edge_runtime.schema import parse_json
from ...edge_runtime.text import printable
from ..store import Store

_MAX_BYTES = 50_000_000
_NAMES = re.compile(r"^(?!.*submission).*(class|label|name|categor|words|mapping|meta|disease)")


def names_of_numbers(store: Store, labels: Sequence[str]) -> tuple[dict[str, str], PurePosixPath] | None:
    """Returns the names of classes whose folders are numbers or WordNet's, and the file with them; or None.

    That is `classes.txt`, `cat_to_name.json` and the like: a name for each folder, or lines in order.
    """
    if not all(re.fullmatch(r"\d+|n\d{8}", label) for label in labels):
        return None
    lists = [
        file
        for file in store.files
        if file.suffix.lower() in (".txt", ".json", ".csv", ".tsv") and _NAMES.search(file.name.lower())
    ]
    for file in sorted(lists, key=lambda path: (len(path.parts), path)):
        try:
            content = store.read(file)
            names = _names_in(content[:_MAX_BYTES].decode("utf-8-sig"), file.suffix.lower(), labels)
        except (EdgeclsError, ValueError, csv.Error):
            continue
        if names and max(Counter(names.values()).values()) == 1:
            return {label: printable(name) for label, name in names.items()}, file
    return None


def _names_in(text: str, suffix: str, labels: Sequence[str]) -> dict[str, str] | None:
    """Returns a name for each label; None if the text does not have them all."""
    if suffix == ".json":
        values = parse_json(text)
        if isinstance(values, list):
            return _in_order([str(value) for value in values], labels)
        if not isinstance(values, dict):
            return None
        pairs = [(str(key), value) for key, value in values.items()]
        if all(isinstance(value, int) for _, value in pairs):  # {"cat": 0}
            pairs = [(str(value), key) for key, value in pairs]
        return _by_key([(key, value) for key, value in pairs if isinstance(value, str)], labels)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    separator = r"\s*[,;\t]\s*" if suffix in (".csv", ".tsv") else r"\s*[:,;\t]\s*|\s+"
    pairs = [tuple(re.split(separator, line, maxsplit=1)) for line in lines]
    keyed = _by_key([(pair[0], pair[1].strip("\"' ")) for pair in pairs if len(pair) == 2], labels)
    return keyed or (_in_order(lines, labels) if suffix == ".txt" else None)


def _by_key(pairs: Iterable[tuple[str, str]], labels: Sequence[str]) -> dict[str, str] | None:
    pairs = list(pairs)
    names = dict(pairs)
    if (
        labels[0].isdecimal() and len(pairs) > len(labels) + 1
    ):  # a heading is one more; others number pictures
        return None
    plain = {key.lstrip("0") or "0": name for key, name in names.items() if key.isdecimal()}
    found = {label: names.get(label) or plain.get(label.lstrip("0") or "0") for label in labels}
    complete = {label: name for label, name in found.items() if name}
    return complete if len(complete) == len(labels) else None


def _in_order(lines: Sequence[str], labels: Sequence[str]) -> dict[str, str] | None:
    """Lines for the folders 0 ... N - 1, or 1 ... N."""
    if not all(label.isdecimal() for label in labels) or len(lines) != len(labels):
        return None
    numbers = sorted(labels, key=int)
    first = int(numbers[0])
    if first not in (0, 1) or [int(number) for number in numbers] != list(range(first, first + len(lines))):
        return None
    return dict(zip(numbers, lines, strict=True))
