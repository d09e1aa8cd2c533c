"""The report of the whole way as JSON."""

import json
from dataclasses import asdict
from importlib.metadata import version

from .goals import goals
from .report import PipelineReport, SizeReport

SCHEMA_VERSION = 1
"""Raised when an older reader would misread it; new fields do not raise it."""


def to_json(report: PipelineReport) -> str:
    """One line of JSON with every figure, every goal and every sample."""
    values = asdict(report)
    document = {
        "schema": SCHEMA_VERSION,
        "kind": "pipeline",
        "edgecls": version("edgecls"),
        "figures": {
            "sizes": {size.size.name: _figures(size) for size in report.sizes},
            "classify_per_call": report.calls.classify_ratio,
            "classify_and_label_per_call": report.calls.labelled_ratio,
            "age_ms": {f"p{percent}": report.age.age_ms(percent) for percent in (50, 95, 99)},
            "waited_ms": {f"p{percent}": report.age.waited_ms(percent) for percent in (50, 95, 99)},
        },
        "goals": [asdict(goal) | {"met": goal.met} for goal in goals(report)],
        **values,
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"


def _figures(report: SizeReport) -> dict[str, object]:
    return {
        "ms": {
            way.name: {stage: way.stage_ms(stage) for stage in way.stages} | {"total": way.total_ms}
            for way in report.ways
        },
        "naive_per_edgecls": report.naive and report.naive.ratio(report.ours),
        "edgecls_per_floor": report.ours.ratio(report.floor),
        "agreement": report.agreement and report.agreement.share,
        "decode_agreement": report.decode_agreement.share,
    }
