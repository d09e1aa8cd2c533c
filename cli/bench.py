"""Placeholder while this command is being written."""


def bench() -> None:
    """Being written."""
    raise NotImplementedError
