"""What a batch saves: each file that takes more than one image at a time, at 1, 2, 4, ... images."""

from contextlib import ExitStack
from pathlib import Path

from ..child import started
from ..dialogue import Dialogue
from ..grouping import places_of
from ..report import Window
from .probe import Opened, Probe, Subject, Timing

BATCHES = (1, 2, 4, 8, 16, 32)
_LIMIT_S = 120.0


def batch_subject(path: Path, images: Path, threads: int) -> Subject:
    """One process, which holds the network once for each batch; `images` as in `threads_subject`."""

    def open_all(stack: ExitStack) -> Opened:
        asked = ",".join(map(str, BATCHES))
        process = started("growth.batch_process", str(path), str(images), asked, threads=threads)
        dialogue = Dialogue(stack.enter_context(process), _LIMIT_S)
        said = dialogue.reply()
        return Opened(said["engine"], [_probe(dialogue, batch) for batch in said["batches"]], said["note"])

    return Subject(path, places_of(path), open_all)


def _probe(dialogue: Dialogue, batch: int) -> Probe:
    def time_window(seconds: float) -> Timing:
        dialogue.ask({"batch": batch, "seconds": seconds})
        reply = dialogue.reply(seconds)
        return Timing(Window(reply["wake_ns"], tuple(reply["samples_ns"]), reply["cpu_ns"]))

    return Probe(batch, str(batch), time_window, images=batch)
