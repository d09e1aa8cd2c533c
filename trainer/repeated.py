"""What has changed since the training that is done again, or that made the teacher: said, not refused."""

from collections.abc import Iterator

from .data import Dataset
from .teacher import TeacherFile
from .training import Training


def changes(training: Training, dataset: Dataset, teacher: TeacherFile | None) -> Iterator[str]:
    """A warning for each thing that makes another model of it, or its figures too good."""
    before, recipe = training.before, training.recipe
    if teacher and teacher.data_sha256 not in ("", dataset.sha256):
        yield (
            "warning: the teacher was trained on another split or version of these images, and may know some "
            "that are held back here; figures to be believed need a teacher of the same --data and --seed"
        )
    if not before:
        return
    if teacher and before.recipe.teacher == recipe.teacher and before.teacher_sha256 != teacher.sha256:
        yield "warning: the teacher's file has changed since the report was written: another model comes out"
    same_question = (before.data, before.image, before.seed) == (training.data, training.image, recipe.seed)
    if same_question and before.data_sha256 != dataset.sha256:
        yield "warning: the images have changed since the report was written: another model comes out"
