"""Placeholder while this command is being written."""


def train() -> None:
    """Being written."""
    raise NotImplementedError
