"""`edgecls doctor`: what is wrong with this machine, and the commands that mend it."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ..edge_runtime.errors import CheckFailed, Unavailable
from ..edge_runtime.text import printable

if TYPE_CHECKING:
    from ..edge_runtime.doctor.finding import Finding


def doctor(
    model: Path = typer.Argument(
        None,
        help="A model to try, or the name of one that `edgecls models` lists; by default every exported one "
        "in this folder, or else nano.",
        show_default=False,
    ),
    source: str = typer.Option(
        None, help="The camera that you want to use, as `edgecls camera` takes it.", show_default=False
    ),
    as_json: bool = typer.Option(False, "--json", help="One JSON object on stdout."),
) -> None:
    """Find what is wrong with this machine, and what mends it."""
    if sys.platform != "linux":
        raise Unavailable("doctor: it knows Linux only; run it on the device")
    from ..edge_runtime.doctor.examine import examine
    from ..edge_runtime.doctor.finding import Level
    from ..edge_runtime.doctor.host import this_host

    findings = []
    for finding in examine(this_host(), source, model):
        findings.append(finding)
        if finding.level in (Level.PROBLEM, Level.WARNING) and not as_json:
            print(_text(finding), flush=True)
    problems, warnings = (
        sum(finding.level is level for finding in findings) for level in (Level.PROBLEM, Level.WARNING)
    )
    if as_json:
        print(json.dumps({"problems": problems, "findings": [asdict(finding) for finding in findings]}))
    if problems:
        count = _count(problems, "problem")
        raise CheckFailed(f"this machine: {count}; mend as shown, then run `edgecls doctor` again")
    if not as_json:
        print(f"checked: {', '.join(dict.fromkeys(finding.check for finding in findings))}")
        print(
            f"{len(findings)} checks: no problem" + (f", {_count(warnings, 'warning')}" if warnings else "")
        )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("s" if number > 1 else "")


def _text(finding: "Finding") -> str:
    lines = [f"{finding.level}: {finding.what}"]
    if finding.command:
        lines.append(f"    {finding.command}")
    if finding.advice:
        lines.append(f"    ({finding.advice})" if finding.command else f"    {finding.advice}")
    return "\n".join(printable(line) for line in lines)
