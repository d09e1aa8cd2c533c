"""What is known of an `.h5` or `.keras` file, read from its own description: Keras builds nothing."""

from collections import Counter

from .inspect_facts import NetworkFacts, OperatorFacts
from .keras_config import MISFITS, Described, computing_layers
from .keras_content import read_keras
from .keras_graph import follow


def read_network(content: bytes, name: str) -> NetworkFacts:
    """Reads the facts of a Keras model.

    Raises:
        BadModel: damaged, not a whole model, or refused: see `check_keras`.
        Unavailable: h5py is not installed.
    """
    model = read_keras(content, name)
    graph = follow(model, name)
    return NetworkFacts(
        made_with=f"Keras {model.keras_version}",
        inputs=graph.inputs,
        outputs=graph.outputs,
        operators=_operators(model.config),
        parameters=model.parameters,
        macs=graph.macs,
        macs_unknown=graph.macs_unknown,
    )


def _operators(model: Described) -> tuple[OperatorFacts, ...]:
    try:
        counts = Counter(computing_layers(model))
    except MISFITS:  # a model of its own class says nothing of its layers
        return ()
    return tuple(OperatorFacts(layer, count) for layer, count in counts.items())
