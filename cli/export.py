"""Placeholder while this command is being written."""


def export() -> None:
    """Being written."""
    raise NotImplementedError
