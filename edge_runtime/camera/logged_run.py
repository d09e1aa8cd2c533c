"""A camera loop between its first event and its last."""

from contextlib import suppress
from dataclasses import replace

from ..errors import EdgeclsError
from .event import Event
from .event_log import EventLog
from .loop import Loop
from .loop_report import LoopReport
from .source import Source


def run_logged(loop: Loop, source: Source, log: EventLog, version: str) -> LoopReport:
    """`Loop.run`, with `started` before and `stopped`, which carries the counts, after all other events.

    The log is on the disk when this returns or raises.

    Raises:
        EdgeclsError: the source cannot be opened; the log says so too.
    """
    log.event(_started(loop, source, version))
    try:
        report = loop.run(source)
    except BaseException as error:
        with suppress(EdgeclsError):  # the first error is the one to tell
            what = str(error) if isinstance(error, EdgeclsError) else f"a bug: {error!r}"
            log.event(Event("stopped", what, facts={"failure": what}))
            log.close()
        raise
    log.event(Event("stopped", report.text.splitlines()[0], facts=report.to_json()))
    try:
        log.close()
    except EdgeclsError as error:
        return replace(report, failure=report.failure or error)
    return report


def _started(loop: Loop, source: Source, version: str) -> Event:
    classifier = loop.classifier
    facts = {
        "version": version,
        "source": source.description,
        "model": str(classifier.path),
        "engine": classifier.engine.name,
        "labels": len(classifier.card.labels),
        "threshold": classifier.threshold,
    }
    return Event("started", f"edgecls {version}: {classifier.path} on {source.description}", facts=facts)
