"""Placeholder while this command is being written."""


def camera() -> None:
    """Being written."""
    raise NotImplementedError
