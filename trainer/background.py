"""The class of pictures that show none of the others: known by its folder's name."""

from ..edge_runtime.errors import BadData

NAMES = ("background", "none", "none of these", "nothing", "other", "unknown")
"""As folders may be called, in any case, with `_` or `-` for a space or around it: `_background_`."""


def find_background(labels: tuple[str, ...], name: str) -> str | None:
    """The label that means "none of these"; None where there is none.

    Raises:
        BadData: there are several; `name` is the data set's.
    """
    found = [label for label in labels if _plain(label) in NAMES]
    if len(found) > 1:
        raise BadData(
            f"{name}: several classes mean none of the others: {', '.join(found)}; "
            "put their pictures into one folder, or give a real class another name"
        )
    return found[0] if found else None


def _plain(label: str) -> str:
    return " ".join(label.casefold().replace("_", " ").replace("-", " ").split())
