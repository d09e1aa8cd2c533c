"""How many flipped labels are found: `python -m tools wrong-labels --data PICTURES`.

Flips 2 and 5 % of the labels of a data set to random others, picture by picture and in whole bursts. Counts
how many stand among the first 2N suspects, N being those flipped, and how many are listed, rightly and not.
"""

import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from edgecls.data.load import load_dataset
from edgecls.data.near_duplicates import near_groups
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.text_table import table
from edgecls.trainer.enough.examine import SIDE_PX, pictures_of
from edgecls.trainer.enough.examples import Examples, divisible, examples
from edgecls.trainer.enough.of_training import computed_features
from edgecls.trainer.enough.suspects import judge, suspects

SHARES = (0.0, 0.02, 0.05)
_KINDS = ("pictures", "bursts")


def flip(of: Examples, bursts: np.ndarray, share: float, kind: str, seed: int) -> tuple[Examples, np.ndarray]:
    """Returns the examples with wrong labels, and which are wrong, bool (N,)."""
    random = np.random.default_rng(seed)
    units = np.arange(len(of)) if kind == "pictures" else np.unique(bursts, return_inverse=True)[1]
    wrong, truth = np.zeros(len(of), bool), of.truth.copy()
    for unit in random.permutation(units.max() + 1):
        if wrong.sum() >= round(share * len(of)):
            break
        members = units == unit
        wrong[members] = True
        truth[members] = (of.truth[members] + random.integers(1, of.classes)) % of.classes
    return replace(of, truth=truth), wrong


def _rows(of: Examples, bursts: np.ndarray, seeds: int) -> Iterator[list[str]]:
    """Yields a row for each kind and share: means over the seeds."""
    for kind in _KINDS:
        for share in SHARES:
            found: list[tuple[float, float, float, float]] = []
            for seed in range(seeds if share else 1):
                flipped, wrong = flip(of, bursts, share, kind, seed)
                judged = judge(flipped, bursts)
                listed = [one.place for one in suspects(flipped, judged)]
                first = np.argsort(-judged.suspicion, kind="stable")[: 2 * wrong.sum()]
                among = wrong[first].sum() / max(1, wrong.sum())
                found.append((wrong.sum(), among, wrong[listed].sum(), (~wrong[listed]).sum()))
            count, among, right, false = np.mean(found, axis=0)
            worst = min(row[1] for row in found)
            shown = f"{100 * among:.1f} % ({100 * worst:.1f})" if share else "-"
            yield [kind, f"{100 * share:.0f} %", f"{count:.0f}", shown, f"{right:.1f}", f"{false:.1f}"]


def measure_flips(data: str, seeds: int) -> str:
    """Returns the table for a data set, as `edgecls train --data` takes it."""
    dataset = load_dataset(data, ImageRule(SIDE_PX, SIDE_PX), seed=0)
    pictures = pictures_of(dataset)
    start_s = time.process_time()
    features = computed_features(pictures)
    features_s = time.process_time() - start_s
    bursts = near_groups(pictures.images)
    groups, _ = divisible([bursts], pictures.truth)
    of = examples(features, pictures.truth, groups, len(dataset.labels))
    headings = ("flipped", "share", "N", "among the first 2N (least)", "listed, wrong", "listed, right")
    about = f"{len(of):,} pictures of {dataset.name}; features: {features_s:.1f} s of processor time"
    return f"{about}\n{table(headings, list(_rows(of, bursts, seeds)))}"
