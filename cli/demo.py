"""Placeholder while this command is being written."""


def demo() -> None:
    """Being written."""
    raise NotImplementedError
