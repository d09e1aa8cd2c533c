"""What a long command is doing right now, one line a step."""

import sys


def show_step(text: str) -> None:
    """Says on stderr what is being done, so that stdout holds the result alone."""
    print(f"edgecls: {text} ...", file=sys.stderr, flush=True)
