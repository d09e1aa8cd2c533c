"""Where answers go: a terminal, a pipe, a file, a window, a page."""

from typing import Protocol

from ..answer import Answer


class Sink(Protocol):
    """Takes each answer of a camera loop, which closes it in the end. Until the first it holds nothing."""

    def write(self, answer: Answer) -> None:
        """Takes the answer to one frame; the frame's pixels are not to be changed.

        Raises:
            EdgeclsError: it cannot go on.
        """
        ...

    def idle(self) -> None:
        """Called a few times a second while no answer comes, for what must stay responsive."""

    def close(self) -> None:
        """Finishes what was written. Calling it twice is allowed.

        Raises:
            EdgeclsError: it cannot be finished.
        """
