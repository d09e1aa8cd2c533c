"""What `bench` measures instead of a table of files, and which of its options go with that."""

from collections.abc import Mapping

from ..edge_runtime.errors import UsageError

_TAKES = {
    "scaling": ("models", "report"),
    "corruptions": ("models", "images", "report", "fail-under", "fail-over"),
    None: ("models", "images", "csv", "report", "compare", "fail-under", "fail-over", "baseline", "peers"),
}
"""Options that only some take; None is the table of files."""


def only_mode(modes: Mapping[str, object], given: Mapping[str, object]) -> str | None:
    """The one mode that was asked for, by its option's name; None is the table of files.

    Args:
        modes: each mode's option and its value.
        given: the other options that not every mode takes.

    Raises:
        UsageError: two modes, or an option that the mode does not take.
    """
    asked = [mode for mode, value in modes.items() if value]
    if len(asked) > 1:
        raise UsageError(f"--{asked[1]}: a run of its own; leave it out with --{asked[0]}")
    mode = asked[0] if asked else None
    for option, value in given.items():
        if value and option not in _TAKES[mode]:
            raise UsageError(
                f"{_named(option)} is about a table of files; leave it out with --{mode}"
                if mode
                else f"--{option} goes with --training; leave it out"
            )
    return mode


def _named(option: str) -> str:
    return "MODELS" if option == "models" else f"--{option}"
