"""File hygiene for pre-commit: `python -m tools.file_hygiene [--max-kb N] FILE...`.

Removes trailing whitespace and makes each file end with one newline; with `--max-kb` it only checks sizes.
Exits with 1 if a file was changed or is too large.
"""

import argparse
import re
import sys
from pathlib import Path

_TRAILING = re.compile(rb"[ \t]+(?=\r?\n|\Z)")
_HARD_BREAK = {".md"}  # two spaces at the end of a line mean something there


def clean(content: bytes, suffix: str) -> bytes:
    """The content without trailing whitespace, and with one newline at its end; empty files stay empty."""
    if suffix not in _HARD_BREAK:
        content = _TRAILING.sub(b"", content)
    stripped = content.rstrip(b"\r\n")
    return stripped + b"\n" if stripped else b""


def main() -> int:
    """Checks the files that are named; returns the exit code."""
    parser = argparse.ArgumentParser("python -m tools.file_hygiene", description="Whitespace and file sizes.")
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--max-kb", type=int, help="check sizes only, in 1,000 bytes")
    arguments = parser.parse_args()
    failed = False
    for path in arguments.files:
        if path.is_symlink() or not path.is_file():
            continue
        content = path.read_bytes()
        if arguments.max_kb is not None:
            if len(content) > arguments.max_kb * 1000:
                print(f"{path}: {len(content) / 1000:,.0f} kB; the limit is {arguments.max_kb:,} kB")
                failed = True
        elif (cleaned := clean(content, path.suffix)) != content:
            path.write_bytes(cleaned)
            print(f"{path}: whitespace fixed")
            failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
