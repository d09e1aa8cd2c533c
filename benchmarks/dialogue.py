"""Asking a process that measures: a line of JSON each way."""

import json
from contextlib import suppress
from typing import Any

from ..edge_runtime import errors
from .child import Child


class Dialogue:
    """Asks a process and gets its answers.

    Args:
        child: the process.
        limit_s: how long it may take to be ready; and, for an answer, beyond what the request needs.
    """

    def __init__(self, child: Child, limit_s: float) -> None:
        self.child = child
        self._limit_s = limit_s

    def ask(self, request: dict[str, Any]) -> None:
        """Sends a request."""
        with suppress(BrokenPipeError):  # it has ended; the missing reply will tell
            self.child.requests.write(json.dumps(request).encode() + b"\n")
            self.child.requests.flush()

    def reply(self, needs_s: float = 0.0) -> dict[str, Any]:
        """The answer to the last request, or what the process says at its start.

        Raises:
            EdgeclsError: the one that the process reports, or `BadModel` where it crashed or hung.
        """
        reply = json.loads(self.child.read_line(self._limit_s + needs_s))
        if "error" in reply:
            raise getattr(errors, reply["kind"])(reply["error"])
        return reply
