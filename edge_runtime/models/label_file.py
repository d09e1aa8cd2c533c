"""Label files: the labels of a foreign model, as the tool that made it writes them.

    one on each line       cat
    with its number        0 cat, as Teachable Machine writes it; 0: cat; 0,cat; a CSV with a header
    JSON                   ["cat", "dog"], {"0": "cat"}, {"cat": 0}, {"0": ["n02123045", "cat"]}, or one of
                           these as `names`, `labels` or `id2label` of an object
    YAML                   `names:`, a list or a map, as Ultralytics writes it

A number that a file states is the place of the label among the network's outputs, from 0. Other numbers are
refused: taken for part of the labels, or for places that begin at 1, they would give wrong answers.
"""

import codecs
import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, cast

from ..errors import BadData
from ..files import TEXT_BYTES, read_whole
from ..schema import parse_json
from .card import MOST_LABELS, label_fault

_HOW = "write one label on each line"
_INSIDE = ("names", "labels", "id2label")
"""Where an object holds the labels beside other things: Ultralytics, Teachable Machine, Hugging Face."""
_NUMBERED = re.compile(r"(\d{1,6})(?:[ \t]*[:,;\t][ \t]*|[ ]+)(\S.*)")
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def read_labels(path: Path, on_note: Callable[[str], None] = lambda _: None) -> tuple[str, ...]:
    """Reads the labels of a file, in the order of the network's outputs; see above.

    Equal ones are numbered, as ImageNet's two cranes, `crane` and `crane (2)`: they tell answers apart.

    Args:
        path: of the file.
        on_note: called with one line where numbers were taken off the lines.

    Raises:
        MissingInput, PermissionRefused, BadData: it cannot be read, holds fewer than two labels, or one that
            no card may have, or numbers that are no places.
    """
    return parse_labels(read_whole(path, TEXT_BYTES), path, on_note)


def parse_labels(
    content: bytes, path: Path, on_note: Callable[[str], None] = lambda _: None
) -> tuple[str, ...]:
    """Reads the labels of a file's content, as `read_labels` does; `path` is what messages call it.

    Raises:
        BadData: see `read_labels`.
    """
    text = _decoded(content, path)
    try:
        found = _found(text, path, on_note)
        labels = [label for _, label in found]
        for where, label in found:
            if fault := label_fault(label):
                raise ValueError(f"{where}: {fault}; {_HOW}")
    except ValueError as error:
        raise BadData(f"{path}: {error}") from error
    if not 2 <= len(labels) <= MOST_LABELS:
        raise BadData(
            f"{path}: {len(labels):,} labels; write one on each line, from 2 to {MOST_LABELS:,} of them"
        )
    return _told_apart(labels)


_Found = list[tuple[str, str]]
"""Each label with where it stands, such as `line 2`."""


def _decoded(content: bytes, path: Path) -> str:
    encoding = next((name for mark, name in _MARKS.items() if content.startswith(mark)), "utf-8")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise BadData(f"{path}: not a text file: {error}; {_HOW}") from error


def _found(text: str, path: Path, on_note: Callable[[str], None]) -> _Found:
    suffix = path.suffix.lower()
    if suffix in (".yaml", ".yml"):
        return _of_value(_yaml_names(text))
    if suffix == ".json" or re.match(r"""\s*(\{|\[\s*["\[\]])""", text):
        try:
            value = parse_json(text)
        except ValueError as error:
            raise ValueError(f"not valid JSON: {error}; {_HOW}") from error
        return _of_value(value)
    lines = [
        (f"line {number}", line.strip(" \t"))
        for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1)
        if line.strip(" \t")
    ]
    if len(lines) == 1 and "," in lines[0][1] and suffix != ".csv":
        on_note(f"{path}: one line; took it as labels with commas between them")
        return [("line 1", part.strip()) for part in lines[0][1].split(",")]
    if suffix == ".csv":
        lines = [(where, _csv_row(where, line)) for where, line in lines]
    return _without_numbers(lines, path, on_note)


# Lines, with or without their numbers.


def _without_numbers(lines: _Found, path: Path, on_note: Callable[[str], None]) -> _Found:
    rows, header = [_NUMBERED.fullmatch(line) for _, line in lines], 0
    if len(rows) > 2 and not rows[0] and re.search(r"[,;\t]", lines[0][1]):
        rows, header = rows[1:], 1
    numbers = [int(row[1]) for row in rows if row]
    if len(numbers) < max(len(rows), 2):
        return lines  # not all of them have one: what is there belongs to the labels
    if numbers == list(range(len(numbers))):
        on_note(
            f"{path}: took the numbers off its lines: {lines[header][1]!r} is {cast('Any', rows[0])[2]!r}"
        )
        return [
            (where, _unquoted(row[2])) for (where, _), row in zip(lines[header:], rows, strict=True) if row
        ]
    if numbers[0] in (0, 1) or header or 0 in numbers:
        wrong = next(at for at, number in enumerate(numbers) if number != at)
        raise ValueError(
            f"{lines[header + wrong][0]}: label {wrong}, counted from 0, has the number {numbers[wrong]}; "
            'number them from 0 in the order of the outputs, or write a JSON list: ["label", ...]'
        )
    return lines


def _csv_row(where: str, line: str) -> str:
    """A row of one label, or of a number and a label in either order, as `number,label`."""
    try:
        cells = [cell.strip() for cell in next(csv.reader([line]))]
    except csv.Error as error:
        raise ValueError(f"{where}: {error}; {_HOW}") from error
    if len(cells) > 2:
        raise ValueError(f"{where}: {len(cells)} columns; keep two, number and label")
    if len(cells) == 2 and cells[1].isdecimal() and not cells[0].isdecimal():
        cells.reverse()
    return ",".join(cells)


def _unquoted(label: str) -> str:
    return label[1:-1] if len(label) > 2 and label[0] == label[-1] == '"' else label


# Lists and maps.


def _of_value(value: Any) -> _Found:
    """The labels of a list or map; an object that holds them beside other things is looked into."""
    if isinstance(value, dict):
        inside = cast("dict[str, Any]", value)
        held = next((inside[name] for name in _INSIDE if isinstance(inside.get(name), list | dict)), None)
        return _of_value(held) if held is not None else list(_of_map(inside))
    if not isinstance(value, list):
        raise ValueError(f"neither a list nor a map of labels; {_HOW}")
    return [(f"label {at}", _name(label, f"label {at}")) for at, label in enumerate(cast("list[Any]", value))]


def _of_map(value: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """A map from place to label, or from label to place as Keras's `class_indices`."""
    if all(type(place) is int for place in value.values()):
        pairs = [(cast("int", place), name) for name, place in value.items()]
    else:
        odd = next((name for name in value if not re.fullmatch(r"\d{1,6}", name)), None)
        if odd is not None:
            raise ValueError(
                f'"{odd[:40]}" is neither the number of a label nor a label with its number; {_HOW}'
            )
        pairs = [(int(place), name) for place, name in value.items()]
    pairs.sort(key=lambda pair: pair[0])
    for at, (place, name) in enumerate(pairs):
        if place != at:
            raise ValueError(
                f"label {at}, counted from 0, has the number {place}; number them from 0 without a gap"
            )
        yield f"label {at}", _name(name, f"label {at}")


def _name(value: Any, where: str) -> str:
    """A label; of ImageNet's pairs of a WordNet number and a name, the name."""
    pair: list[Any] = cast("list[Any]", value) if isinstance(value, list) else []
    name: Any = pair[1] if len(pair) == 2 else cast("Any", value)
    if type(name) is int:
        name = str(name)
    if not isinstance(name, str):
        raise ValueError(f"{where}: not a text; {_HOW}")
    return name.strip()


# YAML: `names:` alone, in the forms that tools write; no library for it is on a device.


def _yaml_names(text: str) -> Any:
    lines = [line.rstrip() for line in text.splitlines()]
    start = next((at for at, line in enumerate(lines) if re.match(r"names\s*:(\s|$)", line)), None)
    if start is None:
        raise ValueError(f"has no `names:`; {_HOW}")
    rest = _without_comment(lines[start].partition(":")[2]).strip()
    if rest[:1] in ("[", "{"):
        flow = " ".join([rest, *map(_without_comment, lines[start + 1 :])])
        return _yaml_flow(flow)
    if rest:
        raise ValueError(f"its `names:` is neither a list nor a map; {_HOW}")
    block: list[str] = []
    for line in map(_without_comment, lines[start + 1 :]):
        if line and line[0] not in " \t-":
            break
        block += [line.strip()] if line.strip() else []
    return _yaml_entries(block)


def _yaml_flow(text: str) -> Any:
    end = {"[": "]", "{": "}"}[text[0]]
    items, at = [""], 1
    for token in re.finditer(r"'(?:[^']|'')*'|\"(?:[^\"\\]|\\.)*\"|[^'\"]", text[1:]):
        at = token.end() + 1
        if token[0] == end:
            entries = [item.strip() for item in items if item.strip()]
            return _yaml_entries(entries if end == "}" else [f"- {entry}" for entry in entries])
        items = [*items, ""] if token[0] == "," else [*items[:-1], items[-1] + token[0]]
    raise ValueError(f"its `names:` has no closing {end} by character {at:,}; {_HOW}")


def _yaml_entries(entries: list[str]) -> Any:
    if all(entry == "-" or entry.startswith("- ") for entry in entries):
        return [_yaml_scalar(entry[1:]) for entry in entries]
    found: dict[str, Any] = {}
    for entry in entries:
        match = re.fullmatch(r"""('[^']*'|"[^"]*"|[^'":]+?)\s*:(?:\s+(.+))?""", entry)
        if not match or match[2] is None:
            raise ValueError(f"its `names:` has an entry that is no label: {entry[:40]}; {_HOW}")
        key, value = _yaml_scalar(match[1]), _yaml_scalar(match[2])
        if key in found:
            raise ValueError(f"its `names:` has {key} twice; {_HOW}")
        found[key] = int(value) if value.isdecimal() and not key.isdecimal() else value
    return found


def _yaml_scalar(text: str) -> str:
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    if len(text) > 1 and text[0] == text[-1] == '"':
        return str(parse_json(text))
    return text


def _without_comment(line: str) -> str:
    return re.sub(r"(^|\s)#.*$", "", line) if "'" not in line and '"' not in line else line


# Equal labels.


def _told_apart(labels: Iterable[str]) -> tuple[str, ...]:
    names = list(labels)
    taken, counts = set(names), Counter[str]()
    told: list[str] = []
    for label in names:
        counts[label] += 1
        other = label
        while counts[label] > 1 and (other := f"{label} ({counts[label]})") in taken:
            counts[label] += 1
        taken.add(other)
        told.append(other)
    return tuple(told)
