"""Program: saves a network on a disk that is full, in a process of its own.

libhdf5, when it could not close a file, crashes the next time that the process writes another one.

    python full_disk.py FOLDER KB

With KB left free, it prints what was raised, and whether the old file was kept and no other left.
"""

import os
import shutil
import sys
from pathlib import Path

from edgecls.edge_runtime.errors import OutputFailed
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.models.card import ModelCard
from edgecls.trainer.networks import Design, build
from edgecls.trainer.train import save_network

CARD = ModelCard(("dark", "middling", "bright"), ImageRule(18, 18), io="float32")


def main() -> None:
    """Fills the disk of a folder; see above."""
    folder, free_kb = Path(sys.argv[1]), int(sys.argv[2])
    network, path, filler = build(Design(dropout=0.1), 18, 18, 3), folder / "model.h5", folder / "filler"
    save_network(network, CARD, path)
    before = path.read_bytes()
    filler.write_bytes(bytes(shutil.disk_usage(folder).free - free_kb * 1024))
    raised = "nothing raised"
    try:
        save_network(network, CARD, path)
    except OutputFailed as error:
        raised = str(error)
    kept = path.read_bytes() == before and {file.name for file in folder.iterdir()} == {"model.h5", "filler"}
    print(f"{raised}\n{'kept' if kept else 'changed'}", flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
