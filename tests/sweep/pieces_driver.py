"""Computes pieces on a cluster by stand-ins: ADDRESS FILE."""

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

from edgecls.edge_runtime.errors import BadData, EdgeclsError
from edgecls.sweep.pieces import on_cluster

COUNT = 12


class Pieces:
    """Remembers how many pieces were out at a time."""

    def __init__(self) -> None:
        self.taken = self.done = self.most = 0

    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, number: int) -> np.ndarray:
        self.taken += 1
        self.most = max(self.most, self.taken - self.done)
        return np.full((64, 32, 32, 3), number, np.uint8)


def patient(number: int, piece: np.ndarray) -> np.ndarray:
    """Leaves a note PIECE.PROCESS, and waits for a note `go` at one of the pieces."""
    notes = Path(os.environ["STAND_IN_NOTES"])
    (notes / f"piece{number}.{os.getpid()}").touch()
    while number == 4 and not (notes / "go").exists():
        time.sleep(0.02)
    return piece.mean(axis=(1, 2, 3)) + number


def broken(number: int, piece: np.ndarray) -> np.ndarray:
    if number == 3:
        raise BadData("piece 3: no such thing; think again")
    return piece[:1]


def deadly(number: int, piece: np.ndarray) -> np.ndarray:
    if number == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return piece[:1]


if __name__ == "__main__":
    address, file = sys.argv[1:]
    with on_cluster(address, lambda line: print(line, flush=True)) as compute:
        pieces = Pieces()
        results = np.zeros((COUNT, 64))
        for number, result in compute(patient, pieces):
            results[number] = result
            pieces.done += 1
        print("most at a time:", pieces.most)
        np.save(file, results)
        for work in (broken, deadly):
            try:
                list(compute(work, Pieces()))
            except EdgeclsError as error:
                print(f"{work.__name__}: {type(error).__name__}: {error}", flush=True)
