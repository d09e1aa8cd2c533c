"""How a network is trained: the options that, with the data set, decide its weights."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from ..edge_runtime.errors import UsageError
from .augmentation import parse_kinds
from .design import Design

OPTIMIZERS = ("adam", "adamw", "muon", "sgd")
SCHEDULES = ("constant", "one-cycle")
PRECISIONS = ("float32", "bfloat16")


@dataclass(frozen=True)
class Recipe:
    """The defaults are the documented recipe: Adam, sparse categorical cross-entropy, and nothing else."""

    arch: str = "cnn"
    """A name in `design.ARCHITECTURES`."""
    depth: int | None = None
    """Of `resnet`; see `Design`."""
    width: float | None = None
    """Of `resnet` and `mobilenet`; see `Design`."""
    epochs: int = 10
    batch_size: int = 32
    seed: int = 0
    """Of the first weights, the order of the images, augmentation, dropout and the split. 0 to 2**32 - 1."""
    optimizer: str = "adam"
    """One of `OPTIMIZERS`; `sgd` has Nesterov's momentum of 0.9, `muon` of 0.95."""
    learning_rate: float = 1e-3
    """The highest of the schedule."""
    schedule: str = "constant"
    """One of `SCHEDULES`; see `schedule.OneCycle`."""
    weight_decay: float = 0.0
    """Decoupled (Loshchilov and Hutter 2019): a step takes learning rate times this off each kernel."""
    label_smoothing: float = 0.0
    """The share of each label that is spread over all classes (Szegedy et al. 2016)."""
    augment: tuple[str, ...] = ()
    """Names in `augmentation.KINDS`."""
    dropout: float = 0.0
    """The share of activations that training leaves out before each dense layer; 0 adds no dropout layer."""
    average_epochs: int = 0
    """The saved weights are the mean of those after so many last epochs (Izmailov et al. 2018)."""
    early_stopping: bool = False
    balance: bool = False
    """Whether images of rare classes count for more, so that all classes count the same."""
    teacher: str | None = None
    """The `.h5` of a network to imitate (Hinton et al. 2015); a path."""
    temperature: float = 4.0
    """Both networks' logits are divided by it before the student imitates the teacher."""
    teacher_share: float = 0.9
    """Of the loss; the rest is of the true classes."""
    precision: str = "float32"
    """One of `PRECISIONS`; of what is computed while fitting. Weights are kept and saved as float32."""

    def __post_init__(self) -> None:
        for option, value, known in (
            ("--optimizer", self.optimizer, OPTIMIZERS),
            ("--schedule", self.schedule, SCHEDULES),
            ("--precision", self.precision, PRECISIONS),
        ):
            if value not in known:
                raise UsageError(f"{option} {value}: not known; use {', '.join(known[:-1])} or {known[-1]}")
        parse_kinds(",".join(self.augment) or "none")  # refuses what it does not know
        if self.early_stopping and self.average_epochs:
            raise UsageError(
                "--early-stopping and --average-epochs: the one keeps the best epoch's weights, the other "
                "the mean of the last; leave one out"
            )

    @property
    def design(self) -> Design:
        """The part that decides what is built."""
        return Design(self.arch, self.dropout, self.depth, self.width)

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """From what `asdict` gave and JSON kept; a TypeError if a name is unknown."""
        return cls(**{**values, "augment": tuple(values.get("augment", ()))})

    def by_option(self) -> dict[str, Any]:
        """The values by their names on the command line."""
        values = {**asdict(self), "augment": ",".join(self.augment) or "none"}
        return {f"--{name.replace('_', '-')}": value for name, value in values.items()}
