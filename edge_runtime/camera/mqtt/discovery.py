"""Discovery: how Home Assistant finds a camera by itself, as one device with an entity for each value.

    homeassistant/device/<id>/config     retained JSON: device, origin, components

Ids come from the topic alone, so that names, histories and automations outlive restarts and other models. An
entity that there is not, or not any more, stays listed with its platform alone: that removes it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from ..event import EventKind
from ..status import HEALTH
from .topics import UNKNOWN, Topics, Value

LEFT_OUT: tuple[EventKind, ...] = ("started", "stopped", "action_output")
"""Events that are not published: the start and end have no connection, and what a command writes may be
private."""
EVENTS: tuple[EventKind, ...] = tuple(kind for kind in get_args(EventKind) if kind not in LEFT_OUT)


@dataclass(frozen=True)
class Described:
    """What a camera is, for Home Assistant."""

    name: str
    version: str
    model: str
    options: Sequence[str] = field(repr=False)
    """Every payload of the label but "unknown"."""
    has_temperature: bool
    takes_commands: bool = False


def discovery_payload(topics: Topics, described: Described) -> bytes:
    """Returns the JSON that Home Assistant makes its device and entities of."""
    document = {
        "device": {
            "identifiers": [topics.device_id],
            "name": described.name,
            "manufacturer": "edgecls",
            "model": described.model,
            "sw_version": described.version,
        },
        "origin": {"name": "edgecls", "sw_version": described.version},
        "availability_topic": topics.availability,
        "components": {
            name: {"platform": component["platform"]}
            if set(component) == {"platform"}
            else component | {"unique_id": f"{topics.device_id}_{name}"}
            for name, component in _components(topics, described).items()
        },
    }
    return json.dumps(document, separators=(",", ":")).encode()


def _components(topics: Topics, described: Described) -> dict[str, dict[str, Any]]:
    temperature = {
        "device_class": "temperature",
        "unit_of_measurement": "°C",
        "state_class": "measurement",
        "entity_category": "diagnostic",
    }
    return {
        "label": _sensor(topics, "label", device_class="enum", options=[*described.options, UNKNOWN]),
        "confidence": _sensor(
            topics, "confidence", unit_of_measurement="%", state_class="measurement", icon="mdi:percent"
        ),
        "fps": _sensor(
            topics,
            "fps",
            "Frames per second",
            unit_of_measurement="fps",
            state_class="measurement",
            entity_category="diagnostic",
            icon="mdi:speedometer",
        ),
        "age": _sensor(
            topics,
            "age",
            "Frame age",
            device_class="duration",
            unit_of_measurement="ms",
            state_class="measurement",
            entity_category="diagnostic",
        ),
        "temperature": _sensor(topics, "temperature", **temperature)
        if described.has_temperature
        else {"platform": "sensor"},
        "model": _sensor(topics, "model", entity_category="diagnostic", icon="mdi:brain"),
        "health": _sensor(
            topics, "health", device_class="enum", options=list(HEALTH), entity_category="diagnostic"
        ),
        "event": {
            "platform": "event",
            "name": "Event",
            "state_topic": topics.event,
            "event_types": list(EVENTS),
            "icon": "mdi:timeline-clock-outline",
        },
        **_commands(topics, is_taken=described.takes_commands),
        "picture": {
            "platform": "image",
            "name": "Picture",
            "image_topic": topics.picture,
            "content_type": "image/jpeg",
        },
    }


def _sensor(topics: Topics, value: Value, name: str = "", **settings: Any) -> dict[str, Any]:
    shown = name or value.capitalize()
    return {"platform": "sensor", "name": shown, "state_topic": topics.value(value), **settings}


def _commands(topics: Topics, *, is_taken: bool) -> dict[str, dict[str, Any]]:
    """What the camera is asked for by buttons and a switch."""
    components: dict[str, dict[str, Any]] = {
        "snapshot": {
            "platform": "button",
            "name": "Snapshot",
            "payload_press": "snapshot",
            "icon": "mdi:camera",
        },
        "restart": {
            "platform": "button",
            "name": "Restart",
            "payload_press": "restart",
            "device_class": "restart",
            "entity_category": "config",
        },
        "watching": {
            "platform": "switch",
            "name": "Watching",
            "payload_on": "resume",
            "payload_off": "pause",
            "state_topic": topics.value("health"),
            "value_template": "{{ 'pause' if value == 'paused' else 'resume' }}",
            "icon": "mdi:eye",
        },
    }
    for name, component in components.items():
        asked = component | {"command_topic": topics.command}
        components[name] = asked if is_taken else {"platform": component["platform"]}
    return components
