"""Checks of the actions of `camera --on`: their programs, webhooks and pins."""

import ssl
from collections.abc import Iterator, Sequence
from dataclasses import replace
from http.client import HTTPException
from pathlib import Path

from ..camera.actions.command import check_command
from ..camera.actions.rules import CommandAction, OnRule, PinAction, WebhookAction, origin_of, parse_rules
from ..camera.sources.network.connection import connect
from ..camera.sources.network.diagnosis import PROBE_S, why_no_answer
from ..errors import EdgeclsError, MissingInput, PermissionRefused
from .cameras import check_permission
from .finding import Finding, from_error, ok, problem
from .host import Host

PINS_STATEMENT = "import gpiozero, lgpio"
_CHIP = "/dev/gpiochip0"
_PACKAGES = {
    "aplay": "alsa-utils",
    "curl": "curl",
    "espeak-ng": "espeak-ng",
    "mail": "mailutils",
    "mosquitto_pub": "mosquitto-clients",
    "notify-send": "libnotify-bin",
    "paplay": "pulseaudio-utils",
}
"""Debian's packages of programs that actions often run."""


_TRUST = "after copying its authority's certificate to /usr/local/share/ca-certificates/, as NAME.crt"


def check_actions(pairs: Sequence[tuple[str, str]], host: Host) -> Iterator[Finding]:
    """Checks what the actions of `--on` need: each program, each webhook's host and certificate, the pins.

    Args:
        pairs: LABEL and ACTION of each.
        host: the machine.
    """
    try:
        rules = parse_rules(pairs)
    except EdgeclsError as error:
        yield from_error("actions", error)
        return
    for rule in rules:
        if isinstance(rule.action, CommandAction):
            yield _check_program(rule, rule.action, host.root)
        elif isinstance(rule.action, WebhookAction):
            yield _check_webhook(rule, rule.action)
    if any(isinstance(rule.action, PinAction) for rule in rules):
        yield from _check_pins(host)


def _check_program(rule: OnRule, action: CommandAction, root: Path) -> Finding:
    program = action.words[0]
    try:
        found = check_command(action, rule.name)
    except MissingInput as error:
        finding = from_error("command", error)
        has_package = program in _PACKAGES and (root / "usr/bin/apt").exists()
        return (
            replace(finding, command=f"sudo apt install -y {_PACKAGES[program]}") if has_package else finding
        )
    except PermissionRefused as error:
        finding = from_error("command", error)
        is_file = Path(program).is_file()
        return replace(finding, command=f"chmod +x {program}", advice="") if is_file else finding
    return ok("command", f"{rule.name}: {found}")


def _check_webhook(rule: OnRule, action: WebhookAction) -> Finding:
    """Connects to the host, with TLS where it has it; nothing is posted."""
    try:
        connect(action.url, PROBE_S).close()
    except (HTTPException, OSError, ValueError) as error:
        shown = f"{origin_of(action.url)}/"
        why = str(why_no_answer(shown, error)).removeprefix(f"{shown}: ").partition("; ")[0]
        what = f"--on {rule.name}: {why}"
        if isinstance(error, ssl.SSLCertVerificationError):
            return problem("webhook", what, "sudo update-ca-certificates", _TRUST)
        return problem("webhook", what, advice="check the address, and that the server runs")
    return ok("webhook", f"{rule.name}: answers")


def _check_pins(host: Host) -> Iterator[Finding]:
    if error := host.error_of(PINS_STATEMENT):
        command = host.python.pip("install", "gpiozero", "lgpio")
        yield problem("pins", f"gpiozero and lgpio cannot be loaded: {error}", command)
    if not (host.root / _CHIP.lstrip("/")).exists():
        advice = "run it on a Raspberry Pi, or a board whose pins the kernel knows"
        yield problem("pins", f"{_CHIP}: this machine has no pins", advice=advice)
        return
    found = check_permission(_CHIP, host.user, host.root)
    yield replace(found, check="pins")
