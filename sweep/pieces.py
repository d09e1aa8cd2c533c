"""Work on the pieces of large data by Ray Data, on all machines of a cluster.

No machine but this one needs the data: pieces travel through Ray's object store, a few at a time, and so do
the results. A piece whose worker or machine dies is computed again, by another one.
"""

import asyncio
import pickle
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol

import numpy as np

from ..edge_runtime.errors import EdgeclsError, Unavailable
from .cluster import (
    RayError,
    check_machines,
    connected,
    last_line,
    node_facts,
    node_name,
    on_machine,
    ray,
    ray_data,
)
from .trial import threads_of

Work = Callable[[int, np.ndarray], np.ndarray]
"""Takes a piece's number and the piece. Must be picklable, and each time give the same."""


class Pieces(Protocol):
    """The pieces, each of which is read when it is needed; a list is one, too."""

    def __len__(self) -> int: ...

    def __getitem__(self, number: int, /) -> np.ndarray: ...


ClusterWork = Callable[[Work, Pieces], Iterator[tuple[int, np.ndarray]]]
"""Yields each piece's number and result, in the order in which they come."""
OnLine = Callable[[str], None]
_ATTEMPTS = 4
"""For a piece whose worker or machine dies."""
_AHEAD = 2
"""Pieces that are in the object store for each core: one in work, one that follows."""


@contextmanager
def on_cluster(address: str, on_line: OnLine) -> Iterator[ClusterWork]:
    """Joins a Ray cluster to compute pieces there; a context manager.

    Args:
        address: HOST:PORT, or `auto` for the cluster that this machine is in.
        on_line: called with what happens to pieces.

    Raises:
        Unavailable: no cluster answers, or it does not let this machine in.
        BadConfiguration: a machine has other versions of what decides the results.
    """
    here = node_facts("", node_name())
    with connected(address):
        check_machines("", here)
        yield partial(_computed, on_line=on_line)


def _computed(work: Work, pieces: Pieces, *, on_line: OnLine) -> Iterator[tuple[int, np.ndarray]]:
    """Yields each piece's number and result, in the order in which they come.

    Raises:
        EdgeclsError: of the work.
        Unavailable: a piece's workers died, one after the other, or the cluster is gone.
    """
    count, desk, shared = len(pieces), on_machine(_Desk).remote(), ray.put(work)
    to_lay = iter(range(count))

    def lay_next() -> None:
        for number in to_lay:
            ray.get(desk.lay.remote(number, [shared, ray.put(pieces[number])]))
            return

    try:
        for _ in range(_AHEAD * int(ray.cluster_resources().get("CPU", 1))):
            lay_next()
        for number, result in _results(count, desk):
            if isinstance(result, EdgeclsError):
                raise result
            times_taken: Any = ray.get(desk.clear.remote(number))
            if times_taken > 1:
                on_line(f"piece {number + 1} of {count} lost its worker and was computed again")
            lay_next()
            yield number, result
    except RayError as error:
        raise Unavailable(
            f"the Ray cluster failed: {last_line(error)}; look at `ray status`, and run the command again"
        ) from error
    finally:
        ray.kill(desk)


def _results(count: int, desk: Any) -> Iterator[tuple[int, Any]]:
    ray_data.DataContext.get_current().enable_progress_bars = False
    numbers = ray_data.from_items([{"number": number} for number in range(count)], override_num_blocks=count)
    of_piece: Any = _of_piece  # Ray's types know of no further arguments
    done = numbers.map_batches(
        of_piece,
        batch_size=None,
        fn_kwargs={"desk": desk},
        num_cpus=1,
        runtime_env={"env_vars": threads_of(1)},
    )
    for batch in done.iter_batches(batch_size=None, prefetch_batches=0):
        for number, result in zip(batch["number"], batch["result"], strict=True):
            yield int(number), pickle.loads(result)  # noqa: S301 - of our own workers


def _of_piece(batch: dict[str, np.ndarray], desk: Any) -> dict[str, Any]:
    """Runs in a worker, which keeps what the work loads for the pieces that follow."""
    (number,) = batch["number"].tolist()
    found = ray.get(desk.take.remote(number))
    result: np.ndarray | EdgeclsError
    try:
        if isinstance(found, EdgeclsError):
            raise found
        work: Any = ray.get(found[0])
        piece: Any = ray.get(found[1])
        result = work(number, piece)
    except EdgeclsError as error:  # if raised, it would arrive wrapped in an error of Ray's
        result = error
    return {"number": [number], "result": [pickle.dumps(result)]}


class _Desk:
    """Where workers find their pieces, on the machine that has the data."""

    def __init__(self) -> None:
        self._pieces: dict[int, list[Any]] = {}
        self._taken: Counter[int] = Counter()
        self._has_more = asyncio.Condition()

    async def lay(self, number: int, piece: list[Any]) -> None:
        """Lays references to the work and to a piece there, in a list: so Ray does not fetch them."""
        async with self._has_more:
            self._pieces[number] = piece
            self._has_more.notify_all()

    async def take(self, number: int) -> list[Any] | EdgeclsError:
        """Returns a piece as soon as it is there; again if the worker that took it died.

        Ray would go on for ever with a piece that kills each worker.
        """
        async with self._has_more:
            await self._has_more.wait_for(lambda: number in self._pieces)
        self._taken[number] += 1
        if self._taken[number] > _ATTEMPTS:
            return Unavailable(
                f"{_ATTEMPTS} workers of the cluster died on one piece; see whether its machines have enough "
                "memory, about 1 GB for each core"
            )
        return self._pieces[number]

    async def clear(self, number: int) -> int:
        """Lets a piece go whose result is there; returns how often it was taken."""
        del self._pieces[number]
        return self._taken[number]
