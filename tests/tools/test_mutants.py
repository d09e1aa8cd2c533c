"""Mutants of model files: repeatable, sealed, and judged by how the commands end."""

import pytest

from edgecls.edge_runtime.models.builtin import builtin_paths
from edgecls.edge_runtime.models.model_file import model_format
from edgecls.edge_runtime.models.seal import check_seal
from tools.mutants import End, mutants


@pytest.mark.parametrize("path", builtin_paths("nano"), ids=lambda path: path.suffix)
def test_a_seed_gives_the_same_mutants_again_all_different_and_sealed(path):
    content = path.read_bytes()
    first = list(mutants(content, 20, seed=1))
    assert first == list(mutants(content, 20, seed=1))
    assert first != list(mutants(content, 20, seed=2))
    assert content not in first
    assert len(set(first)) == 20
    assert {check_seal(mutant) for mutant in first} == {"holds"}
    assert sum(mutant[:8] == content[:8] for mutant in first) > 15
    assert model_format(content, "a") == path.suffix[1:]


@pytest.mark.parametrize(
    ("end", "trouble"),
    [
        (End(0, 1.0, 10**8, "a warning"), ""),
        (End(65, 1.0, 10**8, "edgecls: error: it is damaged"), ""),
        (End(-11, 1.0, 10**8, ""), "SIGSEGV"),
        (End(70, 1.0, 10**8, ""), "exit code 70"),
        (
            End(1, 1.0, 10**8, "Traceback (most recent call last):\n  ...\nKeyError: 'a'\n"),
            "traceback: KeyError: 'a'",
        ),
        (End(65, 61.0, 6 * 10**8, ""), "61 s, 600 MB"),
    ],
)
def test_what_a_command_may_not_do_is_named(end: End, trouble: str):
    assert end.trouble == trouble
