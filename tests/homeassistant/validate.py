"""Run by Home Assistant's Python: its schemas on a discovery document from stdin; prints what they took."""

import asyncio
import importlib
import json
import sys
import tempfile

from homeassistant.components.mqtt.discovery import DEVICE_DISCOVERY_SCHEMA
from homeassistant.core import HomeAssistant


async def validate(document: dict) -> list[str]:
    """Returns the names of the components; raises what the first one that is refused is refused for."""
    HomeAssistant(tempfile.gettempdir())  # templates are checked within one
    DEVICE_DISCOVERY_SCHEMA(dict(document))
    shared = {key: document[key] for key in ("device", "origin", "availability_topic")}
    names = []
    for name, component in document["components"].items():
        settings = dict(component)
        platform = importlib.import_module(f"homeassistant.components.mqtt.{settings.pop('platform')}")
        if settings:  # otherwise it is to be removed
            platform.DISCOVERY_SCHEMA(shared | settings)
            names.append(name)
    return names


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(validate(json.load(sys.stdin)))))
