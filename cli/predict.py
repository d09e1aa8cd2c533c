"""Placeholder while this command is being written."""


def predict() -> None:
    """Being written."""
    raise NotImplementedError
