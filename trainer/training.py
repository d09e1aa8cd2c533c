"""One training before it starts: what to train, and where. Needs no Keras, so its errors come at once."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..edge_runtime.errors import MissingInput, UsageError
from ..edge_runtime.files import check_writable
from ..edge_runtime.image import ImageRule
from . import design
from .checkpoint import check_there, checkpoint_path
from .data import find, is_path
from .recipe import Recipe
from .report import TrainReport, report_folder


@dataclass(frozen=True)
class Training:
    """What to train, and where it goes."""

    data: str
    """`cifar10`, `digits`, or a path; see `load_dataset`."""
    output: Path
    """The `.h5`; plots and report go into the folder of its name."""
    image: ImageRule
    recipe: Recipe
    before: TrainReport | None = None
    """That of the training to be done again; what has changed since is told."""
    is_for_any_count: bool = False
    """Whether batches become smaller where images are few; see `recipes.for_few_images`."""

    @property
    def checkpoint(self) -> Path:
        """The state after the last epoch, there only while the training is not finished."""
        return checkpoint_path(self.output)

    def options(self) -> dict[str, Any]:
        """The options by their names on the command line, for messages and to compare."""
        return {"--data": self.data, "--size": self.image.height_px, **self.recipe.by_option()}

    def check(self, *, resume: bool = False) -> None:
        """Finds out what can be known to fail before Keras is imported and the data set is read.

        Raises:
            UsageError: an option makes no sense.
            MissingInput: there is no such teacher or data set, or nothing to resume.
            OutputFailed, PermissionRefused: something cannot be written.
        """
        if self.output.suffix != ".h5":
            raise UsageError(f"--output {self.output}: the name must end in .h5; use {self.output}.h5")
        design.check(self.recipe.design, self.image.height_px, self.image.width_px)
        teacher = self.recipe.teacher
        if teacher and not Path(teacher).is_file():
            raise MissingInput(f"--teacher {teacher}: no such file; name an .h5 of `edgecls train`")
        if teacher and self.output.resolve() == Path(teacher).resolve():
            raise UsageError(f"--output {self.output}: is the teacher itself; choose another name")
        self._check_apart_from_data()
        check_writable(self.output)
        check_writable(self.checkpoint)
        if resume:
            check_there(self.checkpoint)

    def _check_apart_from_data(self) -> None:
        """Plots among the data would be taken for a class, or for pictures, by the next training."""
        if not is_path(self.data):
            return
        data, plots = find(self.data).resolve(), report_folder(self.output)
        if self.output.resolve().is_relative_to(data):
            raise UsageError(
                f"--output {self.output}: lies inside the data {self.data}; choose another folder"
            )
        if plots.resolve().is_relative_to(data):
            raise UsageError(
                f"--output {self.output}: its plots would go into {plots}, the data; choose another name"
            )
