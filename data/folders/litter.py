"""Litter: what systems leave on drives, in network folders and in zips."""

import re
from functools import lru_cache
from pathlib import PurePosixPath

_LITTER = frozenset(
    (
        *("__macosx", "icon\r", "network trash folder", "temporary items"),  # macOS
        *(
            "thumbs.db",
            "ehthumbs.db",
            "ehthumbs_vista.db",
            "desktop.ini",
            "system volume information",
        ),  # Windows
        *("$recycle.bin", "$extend", "$winreagent", "$sysreset", "wpsettings.dat", "indexervolumeguid"),
        *("lost+found", "lost.dir", "__pycache__"),  # Linux, Android, Python
        *("@eadir", "#recycle", "#snapshot", "@tmp", "@recycle", "@recently-snapshot", "@sharebin"),  # NAS
    )
)


@lru_cache(10_000)  # folders have the same names for many files
def is_litter(name: str) -> bool:
    """Whether a file or folder is left behind by a system: `.DS_Store`, `@eaDir`, `lost+found`.

    Everything that begins with a dot is: `.git`, `.Trash-1000`, `._1.jpg`, `.ipynb_checkpoints`.
    """
    return (
        name.startswith(".")
        or name.casefold() in _LITTER
        or name in ("RECYCLER", "RECYCLED")  # Windows writes them so; a class would be called Recycled
        or re.fullmatch(r"found\.\d{3}", name, re.IGNORECASE) is not None
    )


def litter_root(path: PurePosixPath) -> PurePosixPath | None:
    """Returns the outermost file or folder on a path that is litter; None if nothing is."""
    for at, part in enumerate(path.parts):
        if is_litter(part):
            return PurePosixPath(*path.parts[: at + 1])
    return None
