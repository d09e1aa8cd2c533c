"""Actions: each change of the announced label starts what is asked for, and nothing holds the loop up."""

import dataclasses
import json
import os
import sys
import threading
import time
from collections.abc import Sequence

import pytest

from edgecls.edge_runtime.camera.actions import actions as actions_module
from edgecls.edge_runtime.camera.actions.actions import MOST_PICTURES, Actions, rules_of
from edgecls.edge_runtime.camera.actions.announced import Announced
from edgecls.edge_runtime.camera.answer import Answer
from edgecls.edge_runtime.camera.control import StopRequest
from edgecls.edge_runtime.camera.decision import Decision
from edgecls.edge_runtime.camera.event import Event
from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.camera.loop import Loop
from edgecls.edge_runtime.camera.outputs.destination import Carrying, Farewell
from edgecls.edge_runtime.errors import BadConfiguration, MissingInput, UsageError
from tests.fakes import TIMING, FakeSource, fake_classifier, frames, picture
from tests.waiting import wait_until

CAT, DOG, NONE = (0.9, 0.06, 0.04), (0.05, 0.05, 0.9), (0.34, 0.33, 0.33)
posix = pytest.mark.skipif(os.name != "posix", reason="a shell")


def announcing(label: str | None, number: int = 1, frame: Frame | None = None) -> Answer:
    """An answer that announces a label."""
    prediction = fake_classifier(CAT).classify(picture()).with_label(label)
    return Answer(
        frame or Frame(picture(), number, 0.0), prediction, Decision(prediction, 0.0, changed=False), TIMING
    )


class Board:
    """Notes what the pins are told."""

    name = "gpio"

    def __init__(self, pins: Sequence[object], stop: object) -> None:  # noqa: ARG002
        self.lost: dict[int, str] = {}
        self.told: list[tuple[int, str]] = []
        self.closed = False

    def deliver(self, item: tuple[int, str], attempt: Carrying) -> None:  # noqa: ARG002
        self.told.append(item)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def made(monkeypatch):
    """Makes the actions of some rules, and closes them."""
    opened: list[Actions] = []
    monkeypatch.setattr(actions_module, "PinBoard", Board)

    def make(*pairs: tuple[str, str], hurries: bool = False) -> tuple[Actions, list[Event]]:
        events: list[Event] = []
        farewell = Farewell(StopRequest(), hurries=hurries)
        rules = rules_of(pairs)
        opened.append(Actions(rules, model="m", camera="fake", farewell=farewell, on_event=events.append))
        return opened[-1], events

    yield make
    for each in opened:
        each.close()


@posix
def test_a_change_starts_what_is_asked_for_and_a_frame_does_not(made, tmp_path):
    log = tmp_path / "log"
    words = f'$EDGECLS_NUMBER "$EDGECLS_PREVIOUS>$EDGECLS_LABEL" >> {log}'
    actions, events = made(
        ("cat", f"sh:echo cat {words}"),
        ("any", f"sh:echo any {words}"),
        ("unknown", f"sh:echo unknown {words}"),
        ("left:cat", f"sh:echo left {words}"),
    )
    for label in (None, None, "cat", "cat", "dog", "dog", None, "cat"):
        actions.write(announcing(label))
    actions.close()
    assert sorted(log.read_text().splitlines()) == [
        "any 1 >cat",
        "any 2 cat>dog",
        "any 3 >cat",
        "cat 1 >cat",
        "cat 2 >cat",
        "left 1 cat>dog",
        "unknown 1 dog>",
    ]
    assert [each.done for each in actions.deliveries] == [2, 3, 1, 1]
    assert not events


@posix
@pytest.mark.parametrize("ending", ["frozen", "silent"])
def test_in_a_loop_a_camera_that_stops_withdraws_and_what_is_written_becomes_events(tmp_path, ending):
    """Also with the decider of single images: each change of the label counts."""
    events: list[Event] = []
    farewell = Farewell(StopRequest(), hurries=False)
    rules = rules_of([("left:cat", "sh:echo gone"), ("dog", "run:false")])
    actions = Actions(rules, model="m", camera="fake", farewell=farewell, on_event=events.append)
    first, second, frozen, last = frames(4)
    loop = Loop(fake_classifier(CAT, CAT, DOG), [actions], on_event=events.append)
    stopped = "silence" if ending == "silent" else dataclasses.replace(frozen, is_frozen=True)
    report = loop.run(FakeSource([first, second, stopped, last]))
    assert [(each.done, each.failed) for each in report.deliveries] == [(1, 0), (0, 1)]
    texts = [event.text for event in events]
    assert "left:cat sh:echo: gone" in texts
    assert "dog run:false: exit code 1" in texts
    assert "actions: 1 done, 1 failed" in report.text
    assert json.loads(json.dumps(report.to_json()))["deliveries"][0]["name"] == "left:cat sh:echo"


def test_pins_follow_what_is_announced(made):
    actions, _ = made(
        ("cat", "gpio:17"), ("dog", "gpio:17"), ("any", "gpio:27:pulse=2s"), ("unknown", "gpio:22")
    )
    for label in (None, "cat", "dog", None):
        actions.write(announcing(label))
        wait_until(lambda: not actions._pins._has_work)
    actions.close()
    assert actions._board.told == [
        *[(22, "on")],
        *[(27, "pulse 2"), (17, "on"), (22, "off")],
        *[(27, "pulse 2")],  # 17 stays on
        *[(17, "off"), (22, "on")],
    ]
    assert actions._board.closed


def test_pins_are_told_again_where_their_process_was_lost(made):
    actions, _ = made(("cat", "gpio:17"))
    actions.write(announcing("cat"))
    wait_until(lambda: actions._board.told == [(17, "on")])
    actions._board.lost = {17: "on"}
    actions.idle()
    actions._board.lost = {}
    wait_until(lambda: actions._board.told == [(17, "on"), (17, "on")])


def test_few_pictures_are_kept_while_nobody_takes_them(made, monkeypatch):
    hangs = threading.Event()
    monkeypatch.setattr(
        actions_module.Webhook, "deliver", lambda _self, _item, attempt: hangs.set() or attempt.wait(60)
    )
    actions, _ = made(("any", "webhook,picture:http://127.0.0.1:9/"), hurries=True)
    kept: list[Announced] = []
    for number in range(20):
        actions.write(announcing("cat" if number % 2 else "dog", number))
        kept += [each for each in actions._pictures if each not in kept]
    assert hangs.wait(60)
    assert sum(each.frame is not None for each in kept) == MOST_PICTURES
    assert kept[-1].frame.sequence == 19


@posix
def test_with_everything_hanging_a_frame_costs_microseconds_and_the_end_is_soon(made, within):
    """A command that sleeps for ever and webhooks that nobody answers."""
    import socket

    with socket.create_server(("127.0.0.1", 0), backlog=50) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        rules = [("any", f"webhook:{url}"), ("any", "run:sleep 1000"), ("any", "run,busy=restart:sleep 1000")]
        actions, events = made(*rules, ("any", "run,busy=skip:sleep 1000"), hurries=True)
        answers = [announcing("cat"), announcing("dog"), announcing(None)]
        threads = 0
        used_s = []
        for number in range(3000):
            before_s = time.thread_time()
            actions.write(answers[number % 3])
            used_s.append(time.thread_time() - before_s)
            threads = max(threads, threading.active_count())
        used_s.sort()
        assert used_s[len(used_s) // 2] < 1e-3  # measured: 20 microseconds, with a change at each frame
        with within(3):
            actions.close()
        assert threads <= threading.active_count() + 4
    hook, queue, restart, skip = actions.deliveries
    assert (hook.done, hook.dropped) == (0, 2000)
    assert (queue.done, queue.dropped) == (0, 2000)
    assert restart.skipped >= 1998
    assert (skip.skipped, skip.dropped) == (1999, 1)
    assert {event.kind for event in events} == {"output_dropped"}


def test_what_is_wrong_is_said_before_anything_is_opened(monkeypatch):
    with pytest.raises(UsageError, match="no such action"):
        rules_of([("cat", "walk:home")])
    with pytest.raises(MissingInput, match="no such program"):
        rules_of([("cat", "run:nope-x")])
    monkeypatch.setenv("EDGECLS_WEBHOOK_SECRET", "short")
    with pytest.raises(BadConfiguration, match="EDGECLS_WEBHOOK_SECRET: too short"):
        rules_of([("cat", "webhook:http://127.0.0.1/")])
    assert rules_of([("cat", f"run:{sys.executable} x.py")])
