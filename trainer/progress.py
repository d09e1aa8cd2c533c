"""What a training tells while it runs; by itself it tells nobody."""

from .history import Epoch


class Progress:
    """Silent. A subclass shows what it wants to."""

    def say(self, text: str) -> None:
        """A fact worth a line."""

    def images_read(self, done: int, total: int) -> None:
        """While the files of a data set are read."""

    def epoch_started(self, number: int, epochs: int, batches: int) -> None:
        """Epoch `number` of `epochs`, counted from 1."""

    def batches_done(self, count: int, loss: float, accuracy: float) -> None:
        """So many of this epoch, with its means so far on the training split."""

    def epoch_done(self, epoch: Epoch) -> None:
        """With its evaluation."""
