"""`--on LABEL ACTION`: what is understood, and what is said of the rest."""

import pytest

from edgecls.edge_runtime.camera.actions.rule_tables import from_table, to_table
from edgecls.edge_runtime.camera.actions.rules import (
    CommandAction,
    PinAction,
    Trigger,
    WebhookAction,
    check_labels,
    parse_rules,
    shown_action,
    shown_as_typed,
)
from edgecls.edge_runtime.camera.option_text import to_arguments, to_toml
from edgecls.edge_runtime.camera.options import CameraOptions
from edgecls.edge_runtime.errors import BadConfiguration, UnknownChoice, UsageError

PAIRS = [
    ("cup", "run:notify-send 'a cup' now"),
    ("cup", "run,limit=5s,busy=skip:beep"),
    ("left:cup", 'sh:echo "$EDGECLS_PREVIOUS" >> log'),
    ("any", "webhook:http://127.0.0.1:9000/hook?channel=1"),
    ("unknown", "webhook,limit=500ms,picture:https://ntfy.sh/door"),
    ("label:any", "gpio:17"),
    ("cup", "gpio:27:pulse=2s:active=low"),
]


def test_each_kind_with_its_settings():
    rules = parse_rules(PAIRS)
    assert [rule.action for rule in rules] == [
        CommandAction(("notify-send", "a cup", "now")),
        CommandAction(("beep",), 5.0, "skip"),
        CommandAction(("/bin/sh", "-c", 'echo "$EDGECLS_PREVIOUS" >> log')),
        WebhookAction("http://127.0.0.1:9000/hook?channel=1"),
        WebhookAction("https://ntfy.sh/door", 0.5, picture=True),
        PinAction(17),
        PinAction(27, 2.0, "low"),
    ]
    assert [rule.name for rule in rules] == [
        "cup run:notify-send",
        "cup run:beep",
        "left:cup sh:echo",
        "any webhook:http://127.0.0.1:9000",
        "unknown webhook:https://ntfy.sh",
        "label:any gpio:17",
        "cup gpio:27:pulse=2s:active=low",
    ]


@pytest.mark.parametrize("pair", PAIRS)
def test_a_file_says_the_same(pair, tmp_path):
    assert parse_rules([from_table(to_table(pair))]) == parse_rules([pair])
    options = CameraOptions(on=(pair, ("any", "run:true")))
    path = tmp_path / "door.toml"
    path.write_text(to_toml(options))
    assert parse_rules(CameraOptions.from_toml(path).on) == parse_rules(options.on)
    assert to_arguments(options.changed()) == ["--on", *pair, "--on", "any", "run:true"]


CHANGES = [(None, "cup"), ("cup", "mug"), ("mug", None), ("any", None), (None, "any")]


@pytest.mark.parametrize(
    ("label", "fires"),
    [
        ("cup", [True, False, False, False, False]),
        ("left:cup", [False, True, False, False, False]),
        ("any", [True, True, False, False, True]),
        ("left:any", [False, True, True, True, False]),
        ("unknown", [False, False, True, True, False]),
        ("left:unknown", [True, False, False, False, True]),
        ("label:any", [False, False, False, False, True]),
        ("left:label:any", [False, False, False, True, False]),
    ],
)
def test_which_changes_fire(label, fires):
    (rule,) = parse_rules([(label, "run:true")])
    assert [rule.trigger.fires(before, now) for before, now in CHANGES] == fires
    assert not any(rule.trigger.fires(same, same) for same in ("cup", "any", None))


def test_a_label_with_a_colon_or_an_awkward_name_can_be_reached():
    names = ["a:b", "left:cup", "label:x", "unknown", "any"]
    pairs = [("a:b", "run:true"), *((f"label:{name}", "run:true") for name in names[1:])]
    rules = parse_rules(pairs)
    assert [rule.trigger for rule in rules] == [Trigger("label", name) for name in names]
    check_labels(rules, names, None, "m")


@pytest.mark.parametrize(
    ("label", "action", "message"),
    [
        ("cup", "notify-send cup", "no such action; write run:"),
        ("cup", "http://me:s3cret@host/", "no such action; did you mean webhook:URL?"),
        ("cup", "webook:http://me:s3cret@host/", "no such action; did you mean webhook:?"),
        ("cup", "run:", "nothing follows run:"),
        ("cup", "run", "nothing follows run; write run:"),
        ("cup", "run,skip:a", "run has no setting skip; it has limit and busy"),
        ("cup", "run,busy=Skip:a", "busy=Skip: write busy=queue or busy=skip or busy=restart"),
        ("cup", "run,limit=5s,limit=9s:a", "limit is there twice; write it once"),
        ("cup", "run:'a", "no closing quotation; check its quotes"),
        ("cup", "run:a\0b", "null character"),
        ("cup", "run,limit=fast:a", "limit=fast: not a time"),
        ("cup", "run,limit=2h:a", "limit=2h: not a time"),
        ("cup", "run,busy=never:a", "busy=never: write busy=queue or busy=skip or busy=restart"),
        ("cup", "run,pulse=2s:a", "run has no setting pulse; it has limit and busy"),
        ("cup", "run,limit:a", "write limit=..."),
        ("cup", "webhook,picture=yes:http://h/", "write picture"),
        ("cup", "webhook:ftp://me:s3cret@h/", "not an address; write webhook:https://host/path"),
        ("cup", "webhook:https:///s3cret", "not an address"),
        ("cup", "webhook:http://h:99999/", "not an address"),
        ("cup", "webhook:http://h:0/", "not an address"),
        ("cup", "webhook:http://h/a b", "not an address"),
        ("cup", "gpio:door", "not a pin; write its GPIO number, 0 to 53"),
        ("cup", "gpio:54", "not a pin"),
        ("cup", "gpio:17.5", "not a pin"),
        ("cup", "gpio:BOARD11", "not a pin"),
        ("cup", "gpio:-1", "not a pin"),
        ("cup", "gpio:17:pulse=0", "pulse=0: not a time"),
        ("cup", "gpio:17:pulse=", "pulse=: not a time"),
        ("cup", "gpio:17:pulse=-2s", "pulse=-2s: not a time"),
        ("cup", "gpio:17:pulse=nan", "pulse=nan: not a time"),
        ("cup", "gpio:17:plse=2s", "gpio has no setting plse; it has pulse and active"),
        ("cup", "gpio:17:pulse=2s:pulse=3s", "pulse is there twice; write it once"),
        ("cup", "gpio:17:active=LOW", "active=LOW: write active=high or active=low"),
        ("left:cup", "gpio:17", "that is a moment; write gpio:17:pulse=2s"),
        ("", "run:a", "names no label"),
        ("left:", "run:a", "names no label"),
    ],
)
def test_what_makes_no_sense_is_one_line_without_secrets(label, action, message):
    with pytest.raises(UsageError) as refused:
        parse_rules([(label, action)])
    assert message in str(refused.value)
    assert str(refused.value).startswith("--on ")
    assert "s3cret" not in str(refused.value)


def test_one_pin_cannot_be_active_both_ways():
    with pytest.raises(UsageError, match="gpio:17 cannot be active high and low"):
        parse_rules([("cup", "gpio:17"), ("mug", "gpio:17:active=low")])


def test_an_unknown_label_names_those_of_the_model():
    rules = parse_rules([("left:cpu", "run:true")])
    with pytest.raises(UnknownChoice, match=r"--on cpu: not a label of m; .* one of cup, mug$") as refused:
        check_labels(rules, ["cup", "mug", "nothing"], "nothing", "m")
    assert refused.value.choices == ("cup", "mug")
    with pytest.raises(UsageError, match="announces it as unknown; write --on unknown"):
        check_labels(parse_rules([("nothing", "run:true")]), ["cup", "nothing"], "nothing", "m")
    many = [f"label {number}" for number in range(1000)]
    with pytest.raises(UnknownChoice, match=r"and 980 more$"):
        check_labels(rules, many, None, "m")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('on = "cup"', "write tables: [[on]]"),
        ('on = "cup webhook:http://me:s3cret@h/"', "write tables: [[on]]"),
        ('[[on]]\nlabel = "cup"\ngpio = true', "write gpio = 17, a number"),
        ('[[on]]\nlabel = "cup"\ngpio = 17\npulse = [2]', "pulse: write a text in quotes"),
        ("on = [1]", "write a table"),
        ('[[on]]\nrun = "a"', 'write label = "..."'),
        ('[[on]]\nlabel = "cup"', "write one of run, sh, webhook, gpio for label cup"),
        ('[[on]]\nlabel = "cup"\nrun = "a"\nsh = "b"', "write one of run, sh, webhook, gpio"),
        ('[[on]]\nlabel = "cup"\nrun = 3', "write run = a text in quotes"),
        ('[[on]]\nlabel = "cup"\ngpio = "17"', "write gpio = 17, a number"),
        ('[[on]]\nlabel = "cup"\nrun = "a"\nlimit = true', "limit: write a text in quotes"),
        ('[[on]]\nlabel = "cup"\nrun = "a"\nbusy = "skip:sh"', "busy: write a word"),
        ('[[on]]\nlabel = "cup"\nrun = "a"\ntimeout = 3', "run has no setting timeout"),
        ('[[on]]\nlabel = "cup"\nwebhook = "http://h/"\npicture = 1', "picture: write true or false"),
    ],
)
def test_a_table_that_makes_no_sense_says_what_to_write(tmp_path, text, message):
    path = tmp_path / "door.toml"
    path.write_text(text)
    with pytest.raises(BadConfiguration) as refused:
        CameraOptions.from_toml(path)
    assert message in str(refused.value)
    assert "door.toml: on = " in str(refused.value)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("gpio = 99", "--on cup gpio:99: not a pin"),
        ("gpio = -1", "--on cup gpio:-1: not a pin"),
        ("gpio = 17\npulse = 0", "pulse=0: not a time"),
        ("gpio = 17\npulse = nan", "pulse=nan: not a time"),
        ('gpio = 17\nactive = "LOW"', "active=LOW: write active=high"),
        ('run = "a"\nbusy = "skp"', "busy=skp: write busy=queue"),
        ('run = ""', "nothing follows run:"),
        ('webhook = "h"', "not an address"),
    ],
)
def test_a_value_of_a_table_is_checked_as_on_the_command_line(tmp_path, lines, message):
    path = tmp_path / "door.toml"
    path.write_text(f'[[on]]\nlabel = "cup"\n{lines}\n')
    with pytest.raises(UsageError) as refused:
        parse_rules(CameraOptions.from_toml(path).on)
    assert message in str(refused.value)


def test_a_table_may_have_numbers_as_times():
    assert from_table({"label": "cup", "run": "a", "limit": 5}) == ("cup", "run,limit=5:a")
    hook = {"label": "cup", "webhook": "http://h/", "picture": False}
    assert from_table(hook) == ("cup", "webhook:http://h/")


def test_secrets_are_not_shown():
    assert shown_action("webhook:https://me:s3cret@hooks.example:8443/services/s3cret") == (
        "webhook:https://hooks.example:8443"
    )
    assert shown_action("run:/usr/bin/curl -H 'Token: s3cret'") == "run:curl"
    assert shown_action("sh:TOKEN=s3cret curl") == "sh:..."
    assert shown_as_typed("webhook:http://me:s3cret@host/x") == "webhook:http://me:***@host/x"
    assert shown_as_typed("run:a --b=c@d") == "run:a --b=c@d"
    text = to_toml(CameraOptions(on=(("any", "webhook:http://me:s3cret@host/x"),)))
    assert "s3cret" not in text
    assert "set EDGECLS_ON in the environment" in text
    assert "s3cret" not in repr(CameraOptions(on=(("any", "run:s3cret"),)))
    assert "s3cret" not in repr(parse_rules([("any", "run:a s3cret"), ("any", "webhook:http://s3cret@h/")]))
