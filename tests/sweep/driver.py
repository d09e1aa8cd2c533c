"""The trainings of a sweep with stand-ins, in a process that can be killed: ADDRESS FOLDER NAMES [resume]."""

import sys
from pathlib import Path

from edgecls.sweep.grid import Grid
from edgecls.sweep.report import Limits
from edgecls.sweep.sweep import SweepOptions, train_all

if __name__ == "__main__":
    address, folder, names, *resume = sys.argv[1:]
    stand_in = str(Path(__file__).with_name("stand_in.py"))
    points = Grid(tuple(names.split(",")), (32,)).points()
    request = SweepOptions(
        points, "digits", Path(folder), Limits(), 3, address=address, resume=bool(resume), program=(stand_in,)
    )
    _, failures = train_all(request, lambda line: print(line, flush=True))
    for failure in failures:
        print("failed:", failure.name, failure.text, failure.exit_code)
