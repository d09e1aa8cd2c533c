"""`edgecls doctor`: finds what is wrong with this machine, and how to fix it."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from .. import edge_runtime
from ..edge_runtime.doctor.finding import Level
from ..edge_runtime.errors import CheckFailed, Unavailable
from ..edge_runtime.text import printable, wrap_for
from .model_options import complete_models
from .typed_secrets import without_typed_secrets

if TYPE_CHECKING:
    from ..edge_runtime.doctor.finding import Finding


def doctor(
    model: Path | None = typer.Argument(
        None,
        metavar="MODEL",
        autocompletion=complete_models,
        help="A model to try, or a name that `edgecls models` lists; by default every exported file in this "
        "folder, else imagenet.",
        show_default=False,
    ),
    source: str | None = typer.Option(
        None,
        "--source",
        "-s",
        help="The camera that you want to use, as `edgecls camera` takes it.",
        show_default=False,
    ),
    config: Path | None = typer.Option(
        None,
        "--config",
        metavar="FILE.toml",
        dir_okay=False,
        help="Check the source, model, actions and broker of this file; see `edgecls camera --config`.",
        show_default=False,
    ),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Find what is wrong with this machine, and how to fix it.

    Examples:
        edgecls doctor
        edgecls doctor --source 0
        edgecls doctor --config door.toml
        edgecls doctor image_classification_int8.tflite --json
    """
    if sys.platform != "linux":
        raise Unavailable("doctor: works on Linux only; run it on the device")
    findings = []
    options = edge_runtime.CameraOptions.from_toml(config) if config else edge_runtime.CameraOptions()
    source = source or (options.source if config else None)
    found_by = edge_runtime.examine(edge_runtime.this_host(), source, model or options.model, options)
    for found in found_by:
        finding = replace(found, what=without_typed_secrets(found.what))
        findings.append(finding)
        if finding.level in (Level.PROBLEM, Level.WARNING) and not as_json:
            print(_text(finding), flush=True)
    problems, warnings = (
        sum(finding.level is level for finding in findings) for level in (Level.PROBLEM, Level.WARNING)
    )
    if as_json:
        print(json.dumps({"problems": problems, "findings": [asdict(finding) for finding in findings]}))
    if problems:
        raise CheckFailed(
            f"this machine: {_count(problems, 'problem')}; fix as shown, then run `edgecls doctor` again"
        )
    if not as_json:
        print(wrap_for(sys.stdout, "\n".join(_lists(findings))))
        result = f"{len(_checked(findings))} checks: no problem"
        print(result + (f", {_count(warnings, 'warning')}" if warnings else ""))


def _checked(findings: "Sequence[Finding]") -> list[str]:
    """The names of what could be checked, each once."""
    return list(dict.fromkeys(finding.check for finding in findings if finding.level is not Level.UNKNOWN))


def _lists(findings: "Sequence[Finding]") -> list[str]:
    """What was checked, and what could not be and why."""
    unknown = [
        f"{finding.check} ({printable(finding.what)})"
        for finding in findings
        if finding.level is Level.UNKNOWN
    ]
    return [
        f"checked: {', '.join(_checked(findings))}",
        *([f"not checked: {', '.join(unknown)}"] if unknown else []),
    ]


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("s" if number > 1 else "")


def _text(finding: "Finding") -> str:
    """A finding, the command that fixes it whole on a line of its own, and advice."""
    lines = [wrap_for(sys.stdout, f"{finding.level}: {printable(finding.what)}")]
    if finding.command:
        lines.append(f"    {printable(finding.command)}")
    if finding.advice:
        advice = printable(finding.advice)
        lines.append(wrap_for(sys.stdout, f"    ({advice})" if finding.command else f"    {advice}"))
    return "\n".join(lines)
