"""Encodings of names that are not UTF-8: of folders from old drives, and of files in zips without the flag.

Bytes do not say what they mean: one name may be Russian, Greek or Chinese. A name is read only where one
reading is possible, by letters and scripts; else the user is asked.
"""

import codecs
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ...edge_runtime.errors import UsageError

CANDIDATES = (
    *("cp437", "cp850", "cp852", "cp1252", "cp1250"),
    *("cp866", "cp1251", "koi8-r"),
    *("cp932", "euc-jp", "gb18030", "big5", "cp949"),
    *("cp737", "cp1253", "cp857", "cp1254", "cp862", "cp1255", "cp720", "cp1256", "cp775", "cp1257", "cp874"),
)
"""DOS's and Windows's, the common ones first, by languages: Latin, Cyrillic, CJK, others."""


@dataclass(frozen=True)
class NameHints:
    """What is known about names that are not UTF-8."""

    encoding: str | None = None
    """As the user says."""
    labels: frozenset[str] = frozenset()
    """Of the model that the data set is for: the names of class folders, rightly read."""


NO_HINTS = NameHints()


@dataclass(frozen=True)
class Guess:
    """What names may be encoded in."""

    encoding: str | None
    """The only possible one, or one of several that read the names alike."""
    likely: tuple[str, ...] = ()
    """Where several are possible."""
    examples: tuple[str, ...] = ()
    """A name as each of the likely ones reads it, the first that they read differently."""


def guess(names: Sequence[bytes], hints: NameHints, name: str) -> Guess:
    """Returns in what encoding names are.

    Raises:
        UsageError: the encoding that the user gave does not fit; `name` is the data set's.
    """
    if hints.encoding is not None:
        if _decoded(names, hints.encoding) is None:
            raise UsageError(f"{name}: its names are not in {hints.encoding}; try another --zip-encoding")
        return Guess(hints.encoding)
    readings: dict[tuple[str, ...], str] = {}
    for candidate in CANDIDATES:
        texts = _decoded(names, candidate)
        if texts is None:
            continue
        if not hints.labels.isdisjoint(unicodedata.normalize("NFC", text) for text in texts):
            return Guess(candidate)
        if all(map(_is_plausible, texts)):
            readings.setdefault(texts, candidate)
    likely = tuple(readings.values())
    telling = next((at for at, texts in enumerate(zip(*readings, strict=True)) if len(set(texts)) > 1), 0)
    examples = tuple(texts[telling] for texts in readings)
    return Guess(likely[0] if len(likely) == 1 else None, likely, examples)


def check_encoding(encoding: str) -> None:
    """Refuses what is no encoding of text.

    Raises:
        UsageError: it is none.
    """
    try:
        if not codecs.lookup(encoding)._is_text_encoding:  # base64 and rot13 are codecs too
            raise LookupError
    except (LookupError, ValueError) as error:
        raise UsageError(
            f"--zip-encoding: no encoding {encoding!r}; try cp866, cp1251, gb18030, shift_jis or cp437"
        ) from error


def _decoded(names: Sequence[bytes], encoding: str) -> tuple[str, ...] | None:
    try:
        return tuple(name.decode(encoding) for name in names)
    except UnicodeDecodeError:
        return None


def _is_plausible(text: str) -> bool:
    """Whether a name is made of words as people write them: of one script, capitals first."""
    if any(ord(c) > 127 and unicodedata.category(c)[0] not in "LM" for c in text):
        return False
    words = "".join(c if unicodedata.category(c)[0] in "LM" else " " for c in text).split()
    return all(map(_is_word, words))


def _is_word(word: str) -> bool:
    scripts = {_script(c) for c in word} - {"COMBINING"}
    if len(scripts) > 1:
        return False
    if scripts == {"LATIN"} and len(word) > 1 and not any(map(str.isascii, word)):  # of accents alone
        return False
    return not any(
        first.islower() and second.isupper() for first, second in pairwise(word) if not second.isascii()
    )


def _script(character: str) -> str:
    word = unicodedata.name(character, "?").split()[0]
    return "CJK" if word in ("CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA") else word
