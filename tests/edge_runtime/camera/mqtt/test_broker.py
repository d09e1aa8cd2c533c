"""The URL of `--mqtt`, and where the password comes from."""

import pytest

from edgecls.edge_runtime.camera.mqtt.broker import Broker, has_password, parse_broker, shown_broker
from edgecls.edge_runtime.errors import BadConfiguration, MissingInput, UsageError


def parsed(url: str, **settings) -> Broker:
    return parse_broker(url, **{"environment": {}, **settings})


def test_what_a_url_leaves_out_is_known():
    plain, encrypted = parsed("mqtt://host"), parsed("mqtts://host/a")
    assert (plain.port, encrypted.port) == (1883, 8883)
    assert (plain.is_encrypted, encrypted.is_encrypted) == (False, True)
    assert plain.topic.startswith("edgecls/")
    assert parsed("mqtt://[::1]:99/a/b/").origin == "mqtt://[::1]:99"
    assert parsed("mqtt://h/a%20b/ü").topic == "a b/ü"


def test_ids_are_plain_and_differ_where_topics_do():
    topics = ("edgecls/door", "edgecls_door", "edgecls/d oor", "edgecls/d+oor".replace("+", "ö"))
    ids = [Broker("h", 1, topic).device_id for topic in topics]
    assert ids[0] == "edgecls_door"
    assert len(set(ids)) == len(ids)
    assert all(each.replace("_", "").replace("-", "").isalnum() and each.isascii() for each in ids)


@pytest.mark.parametrize(
    "url",
    [
        "host",
        "http://host/a",
        "mqtt://",
        "mqtt://host:99999/a",
        "mqtt://host:0/a",
        "mqtt://host/a b",
        "mqtt://host/a/+/b",
        "mqtt://host/a%2bb",
        "mqtt://host/a/%23",
        "mqtt://host/a#",
        "mqtt://host/a?b",
        "mqtt://host/a%00b",
        "mqtt://host/%0a",
        "mqtt://host/a//b",
        "mqtt://host/$SYS",
        "mqtt://host/" + 300 * "a",
        "mqtt://:s3cret@host/a",
    ],
)
def test_what_is_no_address_or_no_topic_is_refused_with_what_to_write(url):
    with pytest.raises(UsageError, match=r"^--mqtt") as refused:
        parsed(url)
    assert "s3cret" not in str(refused.value)
    assert refused.value.exit_code == 2


def test_the_password_is_that_of_the_url_the_file_or_the_environment(tmp_path):
    file = tmp_path / "password"
    file.write_text("from file\n")
    environment = {"EDGECLS_MQTT_PASSWORD": "from variable"}
    in_url = "mqtt://me:fr%2Fom@host/a"
    found = [
        parsed(in_url, password_file=file, environment=environment),
        parsed("mqtt://me@host/a", password_file=file, environment=environment),
        parsed("mqtt://me@host/a", environment=environment),
    ]
    assert [each.password for each in found] == ["fr/om", "from file", "from variable"]
    assert parsed("mqtt://host/a", environment=environment).password is None  # MQTT wants a user with it
    assert "from" not in repr(parsed("mqtt://me@host/a", password_file=file))
    assert has_password(in_url)
    assert not has_password("mqtt://me@host/a")
    assert shown_broker(in_url) == "mqtt://me:***@host/a"
    assert shown_broker("mqtt://me@host/a") == "mqtt://me@host/a"


def test_a_file_that_holds_nothing_is_named(tmp_path):
    (tmp_path / "empty").write_text("\n")
    for name, error in (("empty", BadConfiguration), ("missing", MissingInput)):
        with pytest.raises(error, match=name):
            parsed("mqtt://me@host/a", password_file=tmp_path / name)
        with pytest.raises(error, match=name):
            parsed("mqtts://host/a", ca_file=tmp_path / name)
    with pytest.raises(UsageError, match="is for mqtts"):
        parsed("mqtt://host/a", ca_file=tmp_path / "empty")
    (tmp_path / "password").write_text("s3cret")
    with pytest.raises(UsageError, match="no user"):
        parsed("mqtt://host/a", password_file=tmp_path / "password")
