"""The facts of a Keras file; Keras itself is loaded only for a network that it may build."""

from collections import Counter
from dataclasses import replace

from ...edge_runtime.inspection.facts import NetworkFacts, OperatorFacts, TensorFacts
from .content import KerasContent, check_content, refusal
from .description import MISFITS, computing_layers
from .ends import saved_ends


def read_network(content: bytes, name: str) -> NetworkFacts:
    """Reads the facts of a Keras model.

    Raises:
        BadModel: damaged, not a whole model, or refused: see `check_content` and `check_network`.
        Unavailable: h5py or Keras is not installed.
    """
    return network_facts(check_content(content, name), name)


def network_facts(model: KerasContent, name: str) -> NetworkFacts:
    """The facts of a network whose content has been checked.

    Raises:
        BadModel: what a layer gives, or the weights that the layers need, would take all memory.
    """
    facts = saved_facts(model)
    if facts.refused:
        return facts
    from .network import built_facts  # noqa: PLC0415 - TensorFlow, after what is refused without it

    return built_facts(model, name, facts)


def saved_facts(model: KerasContent) -> NetworkFacts:
    """What the description of a network tells without Keras."""
    try:
        operators = Counter(computing_layers(model.config))
    except MISFITS:  # a model of its own class says nothing of its layers
        operators = Counter()
    inputs, outputs = (tuple(TensorFacts(*end) for end in ends) for ends in saved_ends(model.config))
    facts = NetworkFacts(
        f"Keras {model.keras_version}",
        inputs,
        outputs,
        tuple(OperatorFacts(layer, count) for layer, count in operators.items()),
        model.parameters,
        None,
    )
    refused = refusal(model).removeprefix("refused: ")
    return replace(facts, refused=refused, macs_unknown=refused.partition(";")[0])
