"""Names from files and from strangers, made safe for a terminal."""


def printable(text: str) -> str:
    r"""The text, with control characters written out: an escape sequence in a file's name shall not run.

    >>> printable("cat\x1b[2J.jpg")
    'cat\\x1b[2J.jpg'
    """
    return "".join(c.encode("unicode_escape").decode() if _is_control(c) else c for c in text)


def _is_control(character: str) -> bool:
    """Unicode's category Cc; others, such as the joiners within emoji and Indic words, stay."""
    return character < " " or "\x7f" <= character <= "\x9f"
