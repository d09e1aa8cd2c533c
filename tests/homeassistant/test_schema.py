"""Home Assistant's own schemas on what a camera publishes for it, in an environment of its own."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.edge_runtime.camera.mqtt.test_discovery import document

ENVIRONMENT = Path(__file__).parents[2] / ".venv-homeassistant"

pytestmark = [
    pytest.mark.homeassistant,
    pytest.mark.skipif(
        not (ENVIRONMENT / "ready").exists(),
        reason="needs Home Assistant, which has a Python of its own; run `make test-homeassistant`",
    ),
]


def validated(content: dict) -> subprocess.CompletedProcess[str]:
    command = [ENVIRONMENT / "bin/python", Path(__file__).with_name("validate.py")]
    return subprocess.run(
        command, input=json.dumps(content), capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.parametrize("has_all", [True, False])
def test_home_assistant_takes_every_entity(has_all: bool):
    content = document(("cat", "dog\n", "#/+"), has_all=has_all)
    done = validated(content)
    assert done.returncode == 0, done.stderr
    there = [name for name, each in content["components"].items() if set(each) != {"platform"}]
    assert json.loads(done.stdout) == there
    assert len(there) == (12 if has_all else 8)


def test_it_would_refuse_an_entity_that_is_none():
    content = document()
    content["components"]["label"]["state_class"] = "measurement"  # beside an enumeration
    assert "state_class" in validated(content).stderr
