"""What a sweep varies: every combination of networks, widths, depths, input sizes, recipes and seeds."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Annotated

from ..edge_runtime.schema import Range


@dataclass(frozen=True, order=True)
class GridPoint:
    """One combination: a training and its exports."""

    arch: str
    size_px: Annotated[int, Range(1, 16_384)]
    """Side of the network's square input."""
    seed: Annotated[int, Range(0, 2**32 - 1)]
    recipe: str | None = None
    """None is the network's default."""
    width: float | None = None
    depth: int | None = None

    @property
    def network(self) -> str:
        """The network that is built: files of the same network differ in their weights only."""
        width = "" if self.width is None else f"-w{self.width:g}"
        depth = "" if self.depth is None else f"-d{self.depth}"
        return f"{self.arch}{width}{depth}-{self.size_px}px"

    @property
    def name(self) -> str:
        """The name of its files and folder."""
        recipe = f"-{self.recipe}" if self.recipe else ""
        return f"{self.network}{recipe}-seed{self.seed}"

    @property
    def options(self) -> tuple[str, ...]:
        """The options of `edgecls train`."""
        values = {
            "--arch": self.arch,
            "--width": self.width,
            "--depth": self.depth,
            "--imgsz": self.size_px,
            "--recipe": self.recipe,
            "--seed": self.seed,
        }
        return tuple(
            text for option, value in values.items() if value is not None for text in (option, str(value))
        )


@dataclass(frozen=True)
class Grid:
    """The values to combine; an empty tuple leaves an option out."""

    archs: tuple[str, ...]
    sizes_px: tuple[int, ...]
    seeds: tuple[int, ...] = (0,)
    recipes: tuple[str, ...] = ()
    widths: tuple[float, ...] = ()
    depths: tuple[int, ...] = ()
    in_widths: frozenset[str] = frozenset()
    """The networks with several widths; the others are not combined with `widths`."""
    in_depths: frozenset[str] = frozenset()
    """The networks with several depths."""

    def points(self) -> tuple[GridPoint, ...]:
        """Returns each combination once, seeds last: the first trials cover all networks."""
        return tuple(dict.fromkeys(self._combined()))

    def _combined(self) -> Iterator[GridPoint]:
        for seed, recipe, size_px, arch in product(
            self.seeds, self.recipes or (None,), self.sizes_px, self.archs
        ):
            widths = (arch in self.in_widths and self.widths) or (None,)
            depths = (arch in self.in_depths and self.depths) or (None,)
            for width, depth in product(widths, depths):
                yield GridPoint(arch, size_px, seed, recipe, width, depth)
