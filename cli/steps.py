"""What a long command is doing right now."""

import sys


def show_step(text: str) -> None:
    """Says on stderr what is being done, so that stdout holds the result alone."""
    print(f"edgecls: {text} ...", file=sys.stderr, flush=True)


class StepLine:
    """Many short steps on stderr: one line on a terminal, each step over the one before.

    Elsewhere, such as in a log, a line a step; what follows a colon is left out there, and so are the lines
    that differ in nothing else.
    """

    def __init__(self) -> None:
        self._logged = ""

    def __call__(self, text: str) -> None:
        """Shows a step; an empty text clears the line."""
        if sys.stderr.isatty():
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
            return
        step = text.partition(":")[0]
        if step and step != self._logged:
            show_step(step)
        self._logged = step
