"""Lazy names: what a package offers is imported when it is first used.

`edgecls --help` and a device without TensorFlow come through the same packages as a training does.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy_names(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """Returns the `__getattr__` of a package (PEP 562).

    Args:
        package: the package's `__name__`.
        modules: for each name the module that defines it, relative to the package: `{"bench": ".run"}`.
            A name must not be that of a submodule, which Python puts in its place once it is imported.
    """

    def get(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(modules[name], package), name)

    return get
