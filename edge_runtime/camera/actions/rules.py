"""Rules of `--on LABEL ACTION`: which change of the announced label starts which action.

    LABEL    a label of the model; any: of all labels; unknown: when none is announced any more;
             left:LABEL: when the label is withdrawn. `label:any` is a label that is called `any`.
    ACTION   run:COMMAND, sh:COMMAND, webhook:URL, gpio:PIN; settings follow the kind, each after a comma, and
             those of a pin its number, after a colon: run,limit=5s,busy=skip:COMMAND   gpio:17:pulse=2s

In a configuration file a rule is a table, with the same words: `[[on]]`, `label = "cup"`, `run = "..."`.
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Literal, TypeVar
from urllib.parse import SplitResult, urlsplit

from ...errors import UnknownChoice, UsageError
from ...masking import has_secret, hide_secrets, masked

if TYPE_CHECKING:
    from ..pace import Busy

RUN_LIMIT_S, WEBHOOK_LIMIT_S = 30.0, 10.0
"""Time limits where none is set: of a command, and of each attempt to reach a webhook."""
LONGEST_S = 3600.0
MOST_RULES = 50
HIGHEST_PIN = 53
"""Of the Compute Module; other boards have 28."""
SETTINGS: Mapping[str, tuple[str, ...]] = {
    "run": ("limit", "busy"),
    "sh": ("limit", "busy"),
    "webhook": ("limit", "picture"),
    "gpio": ("pulse", "active"),
}
"""The kinds of action, and the settings of each."""
_EXAMPLES = 'run:"notify-send cup", webhook:http://127.0.0.1:9000/hook or gpio:17'
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m)?", re.ASCII)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, None: 1.0}
_SHOWN_LABELS = 20


@dataclass(frozen=True)
class Trigger:
    """The changes of the announced label that a rule is for."""

    kind: Literal["label", "any", "unknown"]
    label: str = ""
    """Of the kind `label`."""
    leaves: bool = False
    """Whether it is for the end of what the kind says, and not for its beginning."""

    def fires(self, before: str | None, now: str | None) -> bool:
        """Whether a change is one that the rule is for; the labels are None for "unknown"."""
        if before == now:
            return False
        return self._covers(before if self.leaves else now)

    def holds(self, announced: str | None) -> bool:
        """Whether what is announced is what the rule is for, as long as it is."""
        return self._covers(announced)

    def _covers(self, label: str | None) -> bool:
        match self.kind:
            case "any":
                return label is not None
            case "unknown":
                return label is None
            case _:
                return label == self.label


@dataclass(frozen=True)
class CommandAction:
    """A command, which gets the event on its standard input and in its environment."""

    words: tuple[str, ...] = field(repr=False)
    """The program and its arguments."""
    limit_s: float = RUN_LIMIT_S
    busy: "Busy" = "queue"


@dataclass(frozen=True)
class WebhookAction:
    """A URL that events are posted to."""

    url: str = field(repr=False)
    limit_s: float = WEBHOOK_LIMIT_S
    """Of each attempt."""
    picture: bool = False
    """Whether the picture goes with it."""


@dataclass(frozen=True)
class PinAction:
    """A pin that is on while the label is announced, or for a while."""

    pin: int
    """Its number as the chip counts (BCM), 0 to 53: GPIO17."""
    pulse_s: float | None = None
    """On for so long after each change; None: while the label is announced."""
    active: Literal["high", "low"] = "high"
    """The level of `on`; relay boards often want low."""


@dataclass(frozen=True)
class OnRule:
    """One `--on`."""

    trigger: Trigger
    action: CommandAction | WebhookAction | PinAction
    name: str
    """For messages, without secrets and arguments: `cup run:notify-send`."""


def parse_rules(pairs: Sequence[tuple[str, str]]) -> tuple[OnRule, ...]:
    """Parses what `--on` was given.

    Args:
        pairs: LABEL and ACTION of each.

    Raises:
        UsageError: one makes no sense; its secrets are not shown.
    """
    if len(pairs) > MOST_RULES:
        raise UsageError(f"--on: {len(pairs)} actions; the limit is {MOST_RULES}")
    rules = tuple(_parsed(label, action) for label, action in pairs)
    _refuse_contradictions(rules)
    return rules


def check_labels(rules: Sequence[OnRule], labels: Sequence[str], background: str | None, model: str) -> None:
    """Checks the labels of rules against those of the model.

    Args:
        rules: from `parse_rules`.
        labels: of the model.
        background: the label that is announced as "unknown"; None: there is none.
        model: what messages call the model.

    Raises:
        UnknownChoice: the model does not have one.
    """
    for rule in rules:
        label = rule.trigger.label
        if rule.trigger.kind != "label" or (label in labels and label != background):
            continue
        if label == background:
            raise UsageError(f"--on {label}: {model} announces it as unknown; write --on unknown")
        known = [each for each in labels if each != background]
        shown = ", ".join(known[:_SHOWN_LABELS])
        more = f" and {len(known) - _SHOWN_LABELS:,} more" if len(known) > _SHOWN_LABELS else ""
        raise UnknownChoice(
            f"--on {label}: not a label of {model}; write any, unknown or one of {shown}{more}", label, known
        )


def pin_words(actions: Sequence[PinAction]) -> tuple[str, ...]:
    """The pins of actions, each once, as `pin_child` takes them: `17`, and `27:low` where low is `on`."""
    levels = {action.pin: action.active for action in actions}
    return tuple(f"{pin}:low" if level == "low" else str(pin) for pin, level in levels.items())


def shown_action(text: str) -> str:
    """What may be shown of the text of an action: no arguments, and of a URL only the host."""
    kind, colon, target = text.partition(":")
    bare = kind.partition(",")[0]
    if not colon or bare not in SETTINGS:
        return hide_secrets(text) if not colon else f"{hide_secrets(bare)}:..."
    if bare == "gpio":
        return f"gpio:{target[:40]}"
    return f"{bare}:{origin_of(target) if bare == 'webhook' else _program(target)}"


def has_webhooks(pairs: Sequence[tuple[str, str]]) -> bool:
    """Whether a webhook is among the actions: its URL may be a secret, whatever it looks like."""
    return any(action.partition(":")[0].partition(",")[0] == "webhook" for _, action in pairs)


def shown_as_typed(text: str) -> str:
    """An action as it may be shown to whoever typed it: all of it, but for what a webhook's URL hides."""
    kind, colon, target = text.partition(":")
    is_webhook = kind.partition(",")[0] == "webhook"
    return f"{kind}:{masked(target)}" if colon and is_webhook and has_secret(target) else text


def _parsed(label: str, text: str) -> OnRule:
    shown = f"{label} {shown_action(text)}"
    try:
        trigger = _trigger(label)
        kind, settings, target = split_action(text)
        action = _action(kind, settings, target)
        if isinstance(action, PinAction) and trigger.leaves and action.pulse_s is None:
            raise ValueError(f"that is a moment; write gpio:{target}:pulse=2s")
    except ValueError as error:
        raise UsageError(f"--on {shown}: {error}") from None
    return OnRule(trigger, action, shown)


def _trigger(text: str) -> Trigger:
    leaves = text.startswith("left:")
    rest = text.removeprefix("left:")
    if rest in ("any", "unknown"):
        return Trigger(rest, leaves=leaves)
    label = rest.removeprefix("label:")
    if not label:
        raise ValueError("names no label; write --on LABEL ACTION, such as --on any " + _EXAMPLES)
    return Trigger("label", label, leaves)


def split_action(text: str) -> tuple[str, dict[str, str], str]:
    """An action's kind, settings and target; raises ValueError with what to write."""
    head, colon, target = text.partition(":")
    kind, *given = head.split(",")
    if not colon or kind not in SETTINGS:
        near = get_close_matches(kind.lower(), SETTINGS, n=1)
        if kind in ("http", "https"):
            raise ValueError("no such action; did you mean webhook:URL?")
        if kind in SETTINGS:
            raise ValueError(f"nothing follows {kind}; write {_EXAMPLES}")
        meant = f"did you mean {near[0]}:?" if near else f"write {_EXAMPLES}"
        raise ValueError(f"no such action; {meant}")
    if kind == "gpio":
        target, *more = target.split(":")
        given += more
    settings: dict[str, str] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if name not in SETTINGS[kind]:
            raise ValueError(f"{kind} has no setting {name}; it has {' and '.join(SETTINGS[kind])}")
        if bool(equals) == (name == "picture"):
            raise ValueError(f"write {name}" + ("" if equals else "=..."))
        if name in settings:
            raise ValueError(f"{name} is there twice; write it once")
        settings[name] = value
    return kind, settings, target


def _action(kind: str, settings: Mapping[str, str], target: str) -> CommandAction | WebhookAction | PinAction:
    if not target.strip():
        raise ValueError(f"nothing follows {kind}:; write {_EXAMPLES}")
    match kind:
        case "webhook":
            _checked_url(target)
            limit_s = _seconds("limit", settings, WEBHOOK_LIMIT_S)
            return WebhookAction(target, limit_s, "picture" in settings)
        case "gpio":
            if not re.fullmatch(r"\d{1,3}", target, re.ASCII) or int(target) > HIGHEST_PIN:
                raise ValueError(f"not a pin; write its GPIO number, 0 to {HIGHEST_PIN}: gpio:17 for GPIO17")
            pulse_s = _seconds("pulse", settings, 0.0) or None
            return PinAction(int(target), pulse_s, _chosen("active", settings, ("high", "low")))
        case _:
            words = ("/bin/sh", "-c", target) if kind == "sh" else _words(target)
            limit_s = _seconds("limit", settings, RUN_LIMIT_S)
            return CommandAction(words, limit_s, _chosen("busy", settings, ("queue", "skip", "restart")))


def _words(command: str) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        raise ValueError(f"{str(error).lower()}; check its quotes, or write sh: for a shell") from None
    if not words or not words[0]:
        raise ValueError("names no program; write run:PROGRAM")
    if "\0" in command:
        raise ValueError("holds a null character; leave it out")
    return words


def _checked_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address or not url.isprintable() or " " in url:
        raise ValueError("not an address; write webhook:https://host/path")


def _seconds(name: str, settings: Mapping[str, str], default_s: float) -> float:
    if name not in settings:
        return default_s
    match = _DURATION.fullmatch(settings[name])
    seconds = float(match[1]) * _UNITS[match[2]] if match else 0.0
    if not 0.01 <= seconds <= LONGEST_S:
        raise ValueError(f"{name}={settings[name]}: not a time; write 10ms to 60m, such as {name}=2s")
    return seconds


Choice = TypeVar("Choice", bound=str)


def _chosen(name: str, settings: Mapping[str, str], choices: tuple[Choice, ...]) -> Choice:
    """The value of a setting; the first of its choices is the default."""
    value = settings.get(name, choices[0])
    for choice in choices:
        if value == choice:
            return choice
    raise ValueError(f"{name}={value}: write {name}=" + f" or {name}=".join(choices))


def _refuse_contradictions(rules: Sequence[OnRule]) -> None:
    levels: dict[int, str] = {}
    for rule in rules:
        if isinstance(rule.action, PinAction):
            pin, active = rule.action.pin, rule.action.active
            if levels.setdefault(pin, active) != active:
                raise UsageError(f"--on {rule.name}: gpio:{pin} cannot be active high and low; choose one")


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL: a path may be a secret, as those of ntfy, Slack and Discord are."""
    try:
        parts: SplitResult = urlsplit(url)
        if not parts.hostname:
            return "..."
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")
    except ValueError:
        return "..."


def _program(command: str) -> str:
    """The name of a command's program; its arguments may hold secrets."""
    first = (command.split() or [""])[0]
    name = first.rstrip("/").rpartition("/")[2]
    return name if re.fullmatch(r"[\w.+-]{1,40}", name) else "..."
