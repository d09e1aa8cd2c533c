"""The cache's folder: where it is, how large it may become, and what has to go when it is full."""

import hashlib
import json
import re
import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from platform import machine

from ...edge_runtime import images as preparation
from ...edge_runtime.errors import UsageError
from ...edge_runtime.files import write_whole
from ...edge_runtime.images.opencv import cv2
from ...edge_runtime.images.rule import ImageRule
from ...edge_runtime.locks import remove_abandoned
from ...edge_runtime.user_folders import cache_folder
from .pack import SUFFIX

DEFAULT_LIMIT_BYTES = 10 * 10**9
_PREPARED, _LIMIT = "prepared", "limit"
_SPARED = 1 / 20
"""The share of a disk that stays free."""
_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?b?)\s*", re.IGNORECASE)


@dataclass(frozen=True)
class CacheUse:
    """What the cache holds."""

    folder: Path
    size_bytes: int
    files: int
    limit_bytes: int
    """0: nothing is kept."""


def limit_bytes() -> int:
    """Returns how large the cache may become."""
    folder = cache_folder()
    if folder is not None:
        with suppress(OSError, ValueError):
            return max(0, int((folder / _LIMIT).read_text()))
    return DEFAULT_LIMIT_BYTES


def set_cache_limit(limit: int) -> None:
    """Sets how large the cache may become, in bytes, and removes what is too much; 0 keeps nothing.

    Raises:
        UsageError: there is no folder for it.
        OutputFailed, PermissionRefused: it cannot be written.
    """
    folder = cache_folder()
    if folder is None:
        raise UsageError("no home folder; name one for the cache with XDG_CACHE_HOME")
    write_whole(folder / _LIMIT, f"{limit}\n")
    evict()


def parse_size(text: str) -> int:
    """Returns the bytes that a text such as `20GB` or `500 MB` means.

    Raises:
        UsageError: it is no size.
    """
    found = _SIZE.fullmatch(text)
    if not found:
        raise UsageError(f"--limit {text}: not a size; use one such as 20GB, 500MB, or 0 for no cache")
    unit = found[2].lower()
    return round(float(found[1]) * _UNITS[unit if unit in _UNITS else f"{unit}b"])


def rule_folder(rule: ImageRule) -> Path | None:
    """Returns the folder for pictures prepared by a rule, in this version of the code; None without a cache.

    `rule.bits` is in the keys of pictures instead: few depend on it.
    """
    folder = cache_folder()
    if folder is None or limit_bytes() == 0:
        return None
    values = {name: value for name, value in asdict(rule).items() if name != "bits"}
    text = json.dumps([values, _code_digest(), cv2.__version__, machine()], sort_keys=True)
    return folder / _PREPARED / hashlib.sha256(text.encode()).hexdigest()[:16]


@cache
def _code_digest() -> str:
    """Returns a digest of the modules that prepare pictures: after any change, nothing old is used."""
    digest = hashlib.sha256()
    for folder in preparation.__path__:
        for path in sorted(Path(folder).glob("*.py*")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def cache_use() -> CacheUse | None:
    """Returns what the cache holds; None where it has no place."""
    folder = cache_folder()
    if folder is None:
        return None
    sizes = [size for _, _, size in _packs()]
    return CacheUse(folder, sum(sizes), len(sizes), limit_bytes())


def clear_cache() -> int:
    """Removes all prepared pictures; returns how many bytes there were. Commands that run go on."""
    return _remove(_packs(), limit=0)


def evict() -> None:
    """Removes packs, the least recently used first, until the rest is within the limit."""
    _remove(_packs(), limit_bytes())


def is_roomy(folder: Path, needed_bytes: int) -> bool:
    """Whether a disk has room for so many bytes, and some to spare; raises OSError."""
    disk = shutil.disk_usage(folder)
    return disk.free - needed_bytes >= disk.total * _SPARED


def _remove(packs: list[tuple[float, Path, int]], limit: int) -> int:
    left = sum(size for _, _, size in packs)
    removed = 0
    for _, path, size in sorted(packs):
        if left <= limit:
            break
        with suppress(OSError):  # gone meanwhile; or, on Windows, in use
            path.unlink()
            removed += size
        left -= size
        with suppress(OSError):  # others are in it
            path.parent.rmdir()
    return removed


def _packs() -> list[tuple[float, Path, int]]:
    """Returns (time of the last use, path, bytes) of all packs; removes what killed processes have left."""
    folder = cache_folder()
    found: list[tuple[float, Path, int]] = []
    with suppress(OSError):
        for inner in list((folder or Path()).joinpath(_PREPARED).iterdir()):
            remove_abandoned(inner)
            for path in inner.glob(f"*{SUFFIX}"):
                with suppress(OSError):  # another process has removed it just now
                    status = path.stat()
                    found.append((status.st_mtime, path, status.st_size))
    return found
