"""What an archive may hold: names that stay inside, and sizes that are no bomb's."""

import re
from pathlib import Path, PurePosixPath

from ...edge_runtime.errors import BadData
from ...edge_runtime.images.jpeg_header import MAX_PIXELS

MAX_FILE_BYTES = MAX_PIXELS * 3
"""Limit for a file: an uncompressed image of the largest size that is decoded."""
MAX_RATIO = 100
"""Limit for unpacked to packed size. Photographs hardly shrink; a bomb grows a thousandfold."""
MIN_SUSPECT_BYTES = 1 << 30
"""An archive that unpacks to less is accepted whatever its ratio."""


def checked_path(name: str, path: Path) -> PurePosixPath:
    """Returns a name's path inside the archive at `path`; some Windows tools write backslashes.

    Raises:
        BadData: it leads out. That refuses the whole archive, although nothing is written: whoever made it
            cannot be trusted with the other images either.
    """
    plain = name.replace("\\", "/")
    if plain.startswith("/") or re.match("[A-Za-z]:", plain) or ".." in plain.split("/"):
        raise BadData(
            f"{path}: refused: the name {name!r} leads out of the {kind(path)}; do not trust this file"
        )
    return PurePosixPath(plain)


def check_file_size(name: str, size_bytes: int, path: Path) -> None:
    """Refuses a file that is larger than any image.

    Raises:
        BadData: it is.
    """
    if size_bytes > MAX_FILE_BYTES:
        raise BadData(
            f"{path}: refused: {name!r} unpacks to {size_bytes / 1e6:,.0f} MB; "
            f"the limit is {MAX_FILE_BYTES / 1e6:,.0f}"
        )


def check_total_size(total_bytes: int, path: Path) -> None:
    """Refuses an archive that unpacks to far more than it has.

    Raises:
        BadData: it does.
    """
    if total_bytes > largest_total(path):
        raise BadData(
            f"{path}: refused: its {path.stat().st_size / 1e6:,.1f} MB unpack to {total_bytes / 1e9:,.1f} "
            f"GB, like a {kind(path)} bomb; give the unpacked folder if you trust it"
        )


def largest_total(path: Path) -> int:
    """Returns to how many bytes an archive may unpack."""
    return max(MIN_SUSPECT_BYTES, path.stat().st_size * MAX_RATIO)


def kind(path: Path) -> str:
    """Returns what to call an archive."""
    return "tar" if re.search(r"\.(tar|tgz|tbz2?|txz)(\.\w+)?$", path.name, re.IGNORECASE) else "zip"
