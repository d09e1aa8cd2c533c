"""Secrets on the command line: masked in messages that repeat it, and in the system's list of processes."""

import os
import shlex
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ..edge_runtime.masking import HIDDEN, has_secret, shown_source
from ..edge_runtime.text import printable

_WHOLLY_SECRET = {"--token": "EDGECLS_TOKEN"}
"""Options whose whole value is a secret, and the variables that stand for them. Of every other word on a
command line, what an address hides is one."""
_ARG_START = 45
"""Of /proc/self/stat, counted from the state, which follows the name: field 48 of proc(5). 49 is the end."""


def without_typed_secrets(text: str) -> str:
    """Returns a text in which addresses that somebody typed, or set in the environment, are masked.

    It knows where each ends, also with blanks and quotes in it, which `hide_secrets` has to guess.
    """
    words = {os.environ.get("EDGECLS_SOURCE", ""), os.environ.get("EDGECLS_MQTT", "")}
    actions = _actions_at(sys.argv[1:])
    for at, word in enumerate(sys.argv[1:]):
        is_pair = at in actions or at + 1 in actions
        words |= {word.partition(":")[2]} if is_pair else {word, _split(word)[1]}
    for word in sorted(filter(has_secret, words), key=len, reverse=True):
        printed = {word, word.strip(), repr(word)[1:-1], printable(word), shlex.quote(word), str(Path(word))}
        for spelling in printed:
            text = text.replace(spelling, printable(shown_source(word)))
    return text


def shown_arguments(words: Sequence[str]) -> list[str]:
    """Returns a command line that may be shown: a token, and what an address hides, as `***`."""
    shown: list[str] = []
    actions = _actions_at(words)
    for at, (before, word) in enumerate(zip(("", *words), words, strict=False)):
        option, value = _split(word)
        if at in actions or at + 1 in actions:  # somebody may have typed the label behind the action
            from ..edge_runtime.camera.actions.rules import shown_as_typed  # noqa: PLC0415 - only with --on

            shown.append(shown_as_typed(word))
        elif before == "--mqtt" or option == "--mqtt=" or value.startswith(("mqtt://", "mqtts://")):
            from ..edge_runtime.camera.mqtt.broker import shown_broker  # noqa: PLC0415 - only with --mqtt

            shown.append(option + shown_broker(value))
        elif before in _WHOLLY_SECRET:
            shown.append(HIDDEN)
        elif option.removesuffix("=") in _WHOLLY_SECRET:
            shown.append(option + HIDDEN)
        else:
            shown.append(option + shown_source(value))
    return shown


def exposed_secrets() -> str:
    """Returns a warning where a secret was typed on the command line; empty where none was."""
    words = sys.argv[1:]
    secret = [word for word, shown in zip(words, shown_arguments(words), strict=True) if word != shown]
    if not secret:
        return ""
    is_token = any(option in word.partition("=")[0] for option in _WHOLLY_SECRET for word in words)
    of_actions = sum(words[at] in secret for at in _actions_at(words))
    of_broker = sum(
        word in secret and (before == "--mqtt" or word.startswith(("--mqtt=", "mqtt://", "mqtts://")))
        for before, word in zip(("", *words), words, strict=False)
    )
    is_address = len(secret) > is_token + of_actions + of_broker
    found = {
        "the token": ("EDGECLS_TOKEN", is_token),
        "the camera's password": ("EDGECLS_SOURCE", is_address),
        "a webhook's secret": ("EDGECLS_ON", of_actions),
        "the broker's password": ("EDGECLS_MQTT_PASSWORD", of_broker),
    }
    what = " and ".join(name for name, (_, is_there) in found.items() if is_there)
    names = " and ".join(variable for variable, is_there in found.values() if is_there)
    is_hidden = sys.platform == "linux"
    seen = (
        "could be read in the list of processes at the start" if is_hidden else "is in the list of processes"
    )
    still = _programs_that_show(secret)
    more = f", and still can in that of {still}" if still else ""
    return f"{what} on the command line {seen}{more}; set {names}, or use --config FILE"


def _programs_that_show(secret: Sequence[str]) -> str:
    """The programs that started this one with a secret on their own command line, such as sudo (Linux)."""
    found: list[str] = []
    process = os.getppid()
    with suppress(OSError, IndexError, ValueError):  # no /proc, or a program of somebody else
        while process > 1:
            name, _, facts = Path(f"/proc/{process}/stat").read_bytes().partition(b"(")[2].rpartition(b") ")
            if any(os.fsencode(word) in Path(f"/proc/{process}/cmdline").read_bytes() for word in secret):
                found.append(f"{os.fsdecode(name)} (process {process})")
            process = int(facts.split()[1])
    return ", ".join(found)


def hide_in_process_list() -> None:
    """Overwrites this process's command line, which `ps` shows to everybody, where it holds a secret (Linux).

    It was readable until now, for the moment of the start; a variable of the environment never is.
    """
    words = sys.argv[1:]
    if shown_arguments(words) == words:
        return
    import ctypes  # noqa: PLC0415 - only where there is something to hide

    with suppress(OSError, IndexError, ValueError):  # no /proc, as in some sandboxes: it stays readable
        facts = Path("/proc/self/stat").read_bytes().rpartition(b") ")[2].split()
        start, end = int(facts[_ARG_START]), int(facts[_ARG_START + 1])
        if 0 < start < end:
            ctypes.memmove(start, _overwritten(ctypes.string_at(start, end - start)), end - start)


def _overwritten(memory: bytes) -> bytes:
    """The command line as it lies in memory, each word at its place and as long as before."""
    words = memory.split(b"\0")
    shown = shown_arguments([os.fsdecode(word) for word in words])
    return b"\0".join(
        os.fsencode(new)[: len(word)].ljust(len(word)) for new, word in zip(shown, words, strict=True)
    )


def _actions_at(words: Sequence[str]) -> set[int]:
    """The places of the actions: the second word behind each `--on`."""
    ends = (
        (at + 2 if word == "--on" else at + 1)
        for at, word in enumerate(words)
        if _split(word)[0] == "--on=" or word == "--on"
    )
    return {at for at in ends if at < len(words)}


def _split(word: str) -> tuple[str, str]:
    """An option with its `=`, and its value; nothing and the word where it is not written like that."""
    option, equals, value = word.partition("=")
    return (option + equals, value) if equals and word.startswith("--") else ("", word)
