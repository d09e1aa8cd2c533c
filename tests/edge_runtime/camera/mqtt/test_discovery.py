"""What Home Assistant reads, beside a copy of what it asks for, and what labels are called there.

These are the facts of its source, 2026.11; `make test-homeassistant` asks its own schemas, of 2026.2.
"""

import json

import pytest

from edgecls.edge_runtime.camera.mqtt.broker import Broker
from edgecls.edge_runtime.camera.mqtt.discovery import Described, discovery_payload
from edgecls.edge_runtime.camera.mqtt.topics import Topics, label_words

COMMON = {"platform", "unique_id", "name", "entity_category", "icon"}
KEYS = {
    "sensor": {"state_topic", "device_class", "state_class", "unit_of_measurement", "options"},
    "event": {"state_topic", "event_types"},
    "image": {"image_topic", "content_type"},
    "button": {"command_topic", "payload_press", "device_class"},
    "switch": {"command_topic", "payload_on", "payload_off", "state_topic", "value_template"},
}
"""Of each platform, the keys that are used here; of a device, no others are allowed."""
DEVICE = {"identifiers", "name", "manufacturer", "model", "sw_version"}


def document(labels: tuple[str, ...] = ("cat", "dog"), model: str = "nano", *, has_all: bool = True) -> dict:
    broker = Broker("host", 1883, "edgecls/door")
    described = Described("door", "1.0", model, list(label_words(labels).values()), has_all, has_all)
    return json.loads(discovery_payload(Topics(broker.topic, broker.device_id), described))


def test_it_holds_what_home_assistant_asks_for_and_nothing_that_it_refuses():
    found = document()
    assert set(found) == {"device", "origin", "availability_topic", "components"}
    assert set(found["device"]) <= DEVICE
    assert found["origin"]["name"] == "edgecls"
    ids = [each["unique_id"] for each in found["components"].values()]
    assert len(set(ids)) == len(ids)
    for each in found["components"].values():
        assert set(each) <= COMMON | KEYS[each["platform"]]
        if each.get("device_class") == "enum":
            assert not {"state_class", "unit_of_measurement"} & set(each)
            assert len(set(each["options"])) == len(each["options"]) > 0
        topics = [each[key] for key in each if key.endswith("_topic")]
        assert topics
        assert not set("+#\0") & set("".join(topics))
    assert found["components"]["label"]["options"] == ["cat", "dog", "unknown"]
    assert found["components"]["confidence"]["unit_of_measurement"] == "%"
    switch = found["components"]["watching"]
    assert switch["state_topic"] == found["components"]["health"]["state_topic"]
    assert "paused" in found["components"]["health"]["options"]
    assert "label_changed" in found["components"]["event"]["event_types"]


def test_ids_and_names_stay_with_another_model_and_what_is_gone_is_removed():
    before, after = document(), document(("cup",), "imagenet", has_all=False)
    assert before["device"]["identifiers"] == after["device"]["identifiers"]
    assert before["device"]["name"] == after["device"]["name"]
    assert set(before["components"]) == set(after["components"])
    gone = {name: each for name, each in after["components"].items() if set(each) == {"platform"}}
    assert gone == {
        "temperature": {"platform": "sensor"},
        "snapshot": {"platform": "button"},
        "restart": {"platform": "button"},
        "watching": {"platform": "switch"},
    }
    for name, each in after["components"].items():
        if name not in gone:
            assert each["unique_id"] == before["components"][name]["unique_id"]


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (["unknown", "None", ""], ["label:unknown", "label:None", "label:"]),
        (["a\nb", "a\\nb"], ["a\\nb", "a\\nb (2)"]),
        (["+/#", "\x00", "\udcff"], ["+/#", "\\x00", "\\udcff"]),
        ([300 * "x", 400 * "x"], [255 * "x", 251 * "x" + " (2)"]),
        (["a", " a", "a "], ["a", "a (2)", "a (3)"]),
    ],
)
def test_hostile_labels_become_states_that_differ(labels, words):
    assert list(label_words(labels).values()) == words
    assert document(tuple(labels))["components"]["label"]["options"] == [*words, "unknown"]
