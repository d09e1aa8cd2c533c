"""`edgecls cache`: shows, limits or clears the cache of prepared pictures, which commands share."""

import json
import sys
from dataclasses import asdict

import typer

from .. import data as data_sets
from ..edge_runtime.errors import UsageError
from ..edge_runtime.text import counted, printable, wrap_for
from .messages import note


def cache(
    limit: str | None = typer.Option(
        None,
        metavar="SIZE",
        help="Set how large it may become, such as 20GB; 0 turns it off. The least recently used pictures "
        "go first.",
    ),
    clear: bool = typer.Option(False, "--clear", help="Remove all prepared pictures."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Show, limit or clear the cache of prepared pictures.

    `train`, `export`, `bench` and `sweep` decode each picture once and keep it at the network's size.

    Examples:
        edgecls cache
        edgecls cache --limit 50GB
        edgecls cache --clear
    """
    if limit is not None:
        data_sets.set_cache_limit(data_sets.parse_size(limit))
    if clear:
        note(f"removed {_size(data_sets.clear_cache())}")
    use = data_sets.cache_use()
    if use is None:
        raise UsageError("no home folder, so that nothing is kept; name a folder with XDG_CACHE_HOME")
    if as_json:
        print(json.dumps({**asdict(use), "folder": str(use.folder)}))
        return
    files = counted(use.files, "file")
    lines = (
        f"folder: {printable(str(use.folder))}",
        f"size: {_size(use.size_bytes)} in {files}",
        f"limit: {_size(use.limit_bytes)}" if use.limit_bytes else "limit: 0, nothing is kept",
    )
    print(wrap_for(sys.stdout, "\n".join(lines)))


def _size(count: int) -> str:
    """Returns bytes as text with three digits or so: `1.2 GB`, `345 MB`."""
    for unit, name in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if count >= unit:
            value = count / unit
            return f"{value:,.1f} {name}" if value < 10 and value % 1 >= 0.05 else f"{value:,.0f} {name}"
    return f"{count:,} bytes"
