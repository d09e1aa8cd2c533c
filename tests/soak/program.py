"""The camera loop that the soak wears out: what `edgecls camera` builds, only quicker to try again.

    python program.py URL MODEL EVENTS_FILE

Prints where its page is; when it is asked to stop, its report as a line of JSON.
"""

import json
import sys
from pathlib import Path

from edgecls.edge_runtime import Classifier, open_source
from edgecls.edge_runtime.camera.control import stop_on_signals
from edgecls.edge_runtime.camera.decision import SteadyDecider
from edgecls.edge_runtime.camera.event import fan_out
from edgecls.edge_runtime.camera.event_log import EventLog
from edgecls.edge_runtime.camera.loop import Loop, run_logged
from edgecls.edge_runtime.camera.sources.patience import Patience
from edgecls.edge_runtime.page.server import PageSink

HASTE = Patience(silence_s=1.0, first_pause_s=0.05, longest_pause_s=0.2, healthy_s=0.5)
"""A fault is over in a second, where a camera in the field would take half a minute."""


def main(url: str, model: str, events: str) -> None:
    page, log = PageSink("127.0.0.1:0"), EventLog(Path(events))
    on_event = fan_out(log.event, page.event)
    with stop_on_signals() as stop, Classifier(model) as classifier:
        print(page.link, flush=True)
        source = open_source(url, on_event=on_event, patience=HASTE)
        loop = Loop(classifier, [log, page], decider=SteadyDecider(classifier), stop=stop, on_event=on_event)
        report = run_logged(loop, source, log, "soak")
    print(json.dumps(report.to_json()), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
