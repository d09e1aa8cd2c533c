"""Folders of the user that runs edgecls, by the rules of the system (XDG base directories on Linux)."""

import os
import sys
from contextlib import suppress
from pathlib import Path


def cache_folder() -> Path | None:
    """Returns the folder for what can be made again, by the rules of the system; None without a home.

    `$XDG_CACHE_HOME/edgecls`, by default `~/.cache/edgecls`; on macOS `~/Library/Caches/edgecls`, on Windows
    `%LOCALAPPDATA%/edgecls`.
    """
    return _folder("XDG_CACHE_HOME", ".cache", "Library/Caches")


def state_folder() -> Path | None:
    """Returns the folder for what edgecls remembers of this machine; None without a home.

    `$XDG_STATE_HOME/edgecls`, by default `~/.local/state/edgecls`; on macOS
    `~/Library/Application Support/edgecls`, on Windows `%LOCALAPPDATA%/edgecls`.
    """
    return _folder("XDG_STATE_HOME", ".local/state", "Library/Application Support")


def settings_folder() -> Path | None:
    """Returns the folder for what the user has decided; None without a home.

    `$XDG_CONFIG_HOME/edgecls`, by default `~/.config/edgecls`; on macOS
    `~/Library/Application Support/edgecls`, on Windows `%LOCALAPPDATA%/edgecls`.
    """
    return _folder("XDG_CONFIG_HOME", ".config", "Library/Application Support")


def _folder(variable: str, unix: str, mac: str) -> Path | None:
    named = os.environ.get(variable, "")
    if named and Path(named).is_absolute():  # a relative one is to be ignored, says the specification
        return Path(named) / "edgecls"
    with suppress(RuntimeError):  # a user without a home
        if sys.platform == "win32":
            return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "edgecls"
        return Path.home() / (mac if sys.platform == "darwin" else unix) / "edgecls"
    return None
