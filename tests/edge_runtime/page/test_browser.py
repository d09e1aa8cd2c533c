"""The page in a real Chromium: what a person sees, on a phone and at a desk."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

from edgecls.edge_runtime.camera.answer import Timing
from edgecls.edge_runtime.camera.event import Event
from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.camera.rates import Ages
from edgecls.edge_runtime.images.opencv import cv2
from edgecls.edge_runtime.page.server import PageSink
from edgecls.edge_runtime.prediction import Prediction
from tests.edge_runtime.page.conftest import port_of
from tests.fakes import answer

PHONE = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
EVIL = "<img src=x onerror=alert(1)>"
REFUSED = "net::ERR_CONNECTION_REFUSED"
"""The browser's own line for a server that is not there, which no page can prevent."""


TIMING = Timing(prepare_ms=0.4, engine_ms=1.5, age_ms=12.0, fps=30.0, recent_ages=Ages(11.0, 22.0, 33.0))


class Scene(threading.Thread):
    """A camera in this process, which shows what the test sets and goes from page to page."""

    def __init__(self, page: PageSink) -> None:
        super().__init__(daemon=True)
        self.page: PageSink | None = page
        self.label = "cat"
        self.confidence = 0.8
        self.grey = 40
        self._stopped = threading.Event()

    def run(self) -> None:
        sequence = 0
        while not self._stopped.wait(1 / 30):
            sequence += 1
            jpeg = cv2.imencode(".jpg", np.full((120, 160, 3), self.grey, np.uint8))[1].tobytes()
            ranking = ((self.label, self.confidence), ("other", 1 - self.confidence))
            frame = Frame(jpeg, sequence, time.monotonic())
            if self.page:
                self.page.write(answer(frame, Prediction(ranking, self.label), TIMING))

    def end(self) -> None:
        self._stopped.set()
        self.join()


@pytest.fixture
def scene(page: PageSink) -> Iterator[Scene]:
    made = Scene(page)
    made.start()
    yield made
    made.end()


class Screen:
    """One page in the browser."""

    def __init__(self, browser: Any) -> None:
        self.browser = browser

    def open(self, url: str) -> None:
        self.browser.get(url)
        self.wait("document.body.dataset.link === 'live'")

    def read(self, script: str) -> Any:
        return self.browser.execute_script(f"return {script}")

    def wait(self, condition: str, timeout_s: float = 60) -> None:
        """Waits in the browser itself, from one drawing of the page to the next.

        A page that goes takes the script along, and the driver reports a time-out at once: the next is asked.
        """
        from selenium.common.exceptions import TimeoutException

        script = (
            "const done = arguments[0];"
            f"(function look() {{ ({condition}) ? done() : requestAnimationFrame(look); }})();"
        )
        until_s = time.monotonic() + timeout_s
        while True:
            self.browser.set_script_timeout(max(until_s - time.monotonic(), 1))
            try:
                self.browser.execute_async_script(script)
                return
            except TimeoutException:
                if time.monotonic() > until_s:
                    raise

    def errors(self) -> list[str]:
        """What the console's error log has got since it was asked last."""
        return [entry["message"] for entry in self.browser.get_log("browser") if entry["level"] == "SEVERE"]


@pytest.fixture
def screen(chromium: Any) -> Iterator[Screen]:
    chromium.get_log("browser")
    yield Screen(chromium)
    chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    chromium.get("about:blank")


@pytest.fixture
def scheme(chromium: Any) -> Callable[[str], None]:
    def choose(value: str) -> None:
        feature = {"name": "prefers-color-scheme", "value": value}
        chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})

    return choose


BRIGHTNESS = "document.querySelector('canvas').getContext('2d').getImageData(80, 60, 1, 1).data[0]"
LABEL = "document.getElementById('label').textContent"
FIRST_BAR = "document.querySelector('#bars .fill').getBoundingClientRect().width"
TRACK = "document.querySelector('#bars .track').getBoundingClientRect().width"


def test_the_picture_moves_and_the_bars_and_the_label_follow(page, scene, screen):
    screen.open(page.link)
    screen.wait(f"Math.abs({BRIGHTNESS} - 40) < 4 && {LABEL} === 'cat'")
    screen.wait(f"Math.abs({FIRST_BAR} / {TRACK} - 0.8) < 0.01")
    scene.grey, scene.label, scene.confidence = 200, "dog", 0.6
    screen.wait(f"Math.abs({BRIGHTNESS} - 200) < 4 && {LABEL} === 'dog'")
    screen.wait(f"Math.abs({FIRST_BAR} / {TRACK} - 0.6) < 0.01")
    assert screen.read("document.querySelectorAll('#bars .is-announced').length") == 1
    assert screen.errors() == []


def test_rate_age_and_events_are_shown(page, scene, screen):
    screen.open(page.link)
    page.event(Event("stalled", "no frame in 5 s; trying again in 1 s"))
    screen.wait("document.querySelector('#events li span')?.textContent.startsWith('no frame in 5 s')")
    screen.wait("document.querySelectorAll('#fps path, #age path').length === 4")
    screen.wait("parseFloat(document.querySelector('#fps .now').textContent) > 10")
    assert screen.read("document.querySelector('#age .now').textContent") == "p50 11 p95 22 p99 33 ms"
    assert screen.errors() == []


def test_it_finds_the_server_again_after_a_restart(page, scene, screen):
    port = port_of(page)
    screen.open(page.link)
    scene.page = None
    page.close()
    screen.wait("document.body.dataset.link === 'lost'")
    assert "trying again in" in screen.read("document.getElementById('link').textContent")
    assert "old" in screen.read("document.getElementById('notice').textContent")
    again = PageSink(f"127.0.0.1:{port}")
    try:
        scene.label, scene.page = "horse", again
        screen.wait(f"document.body.dataset.link === 'live' && {LABEL} === 'horse'")
        in_the_outage = screen.errors()
        assert [message for message in in_the_outage if REFUSED not in message] == []
        screen.wait("parseFloat(document.querySelector('#fps .now').textContent) > 0")
        assert screen.errors() == []
    finally:
        scene.page = None
        again.close()


def test_a_silent_camera_is_not_shown_as_live(page, scene, screen):
    screen.open(page.link)
    scene.page = None
    screen.wait("document.body.dataset.link === 'silent'")
    assert "no frame for" in screen.read("document.getElementById('link').textContent")
    assert screen.errors() == []


@pytest.mark.parametrize("choice", ["dark", "light"])
def test_text_stands_out_in_the_dark_and_in_the_light(page, scene, screen, scheme, choice):
    scheme(choice)
    screen.open(page.link)
    page.event(Event("stalled", "no frame in 5 s"))
    screen.wait("document.querySelector('#events .trouble')")
    ground = screen.read("getComputedStyle(document.body).backgroundColor")
    assert (luminance(ground) < 0.05) == (choice == "dark")
    panel = screen.read("getComputedStyle(document.querySelector('.answer')).backgroundColor")
    for selector in (
        "#label",
        "#held",
        "#bars .name",
        "#bars .share",
        "h2",
        ".now",
        "#events time",
        "#events .trouble",
    ):
        colour = screen.read(f"getComputedStyle(document.querySelector('{selector}')).color")
        assert contrast(colour, panel) >= 4.5, selector
    assert screen.errors() == []


def test_a_phone_needs_no_scrolling_sideways(page, scene, screen):
    screen.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    scene.label = "longer_than_any_phone_is_wide_and_without_a_space"
    screen.open(page.link)
    screen.wait(f"{LABEL}.startsWith('longer')")
    assert screen.read("innerWidth") == PHONE["width"]
    assert screen.read("document.documentElement.scrollWidth") <= PHONE["width"]
    assert screen.read("parseFloat(getComputedStyle(document.getElementById('label')).fontSize)") >= 40
    assert screen.errors() == []


def test_an_events_time_stands_on_one_line_on_a_phone(page, scene, screen):
    screen.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    screen.open(page.link)
    page.event(
        Event("opened", "opened http://admin:***@192.168.178.23:8080/a-long-path-that-is-broken: 640x480")
    )
    screen.wait("document.querySelector('#events time')")
    lines = (
        "(() => { const range = document.createRange();"
        " range.selectNodeContents(document.querySelector('#events time'));"
        " return new Set([...range.getClientRects()].map((box) => box.top)).size; })()"
    )
    assert screen.read(lines) == 1
    assert screen.read("document.documentElement.scrollWidth") <= PHONE["width"]


class Proxy(ThreadingHTTPServer):
    """Shows a page below /cam/, under a name of its own, as a web server with other pages does."""

    daemon_threads = True

    def __init__(self, page: PageSink) -> None:
        super().__init__(("127.0.0.1", 0), Forward)
        self.upstream = port_of(page)
        self.paths: list[str] = []
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/cam/"


class Forward(BaseHTTPRequestHandler):
    """One request to a `Proxy`."""

    server: Proxy

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        if not self.path.startswith("/cam/"):
            self.send_error(404)
            return
        connection = HTTPConnection("127.0.0.1", self.server.upstream, timeout=60)
        headers = dict(self.headers.items()) | {"Host": "cam.example.com", "Connection": "close"}
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        connection.request(self.command, self.path.removeprefix("/cam"), content, headers)
        reply = connection.getresponse()
        body = reply.read()
        self.send_response_only(reply.status)
        for name, value in reply.getheaders():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        connection.close()

    do_POST = do_GET  # noqa: N815 - the names that the server looks for

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def test_behind_a_proxy_it_asks_for_the_token_and_works_below_a_path(scene, screen):
    page = PageSink("127.0.0.1:0", "sesame-open-12345", names="cam.example.com")
    scene.page = page
    proxy = Proxy(page)
    try:
        screen.browser.get(proxy.url)
        screen.browser.find_element("css selector", "input").send_keys("wrong-token-1\n")
        screen.wait("/That is not/.test(document.querySelector('[role=alert]')?.textContent)")
        assert screen.browser.find_element("css selector", "input").rect["width"] > 200, "it has no style"
        screen.browser.find_element("css selector", "input").send_keys("sesame-open-12345\n")
        screen.wait("document.body.dataset.link === 'live'")
        assert screen.read("location.href") == proxy.url
        assert {path.partition("?")[0] for path in proxy.paths if "favicon" not in path} == {
            f"/cam/{name}" for name in ("", "page.css", "page.js", "show.js", "chart.js", "icon.svg", "live")
        }
        assert "sesame" not in " ".join(proxy.paths)
    finally:
        scene.page = None
        page.close()
        proxy.shutdown()
        proxy.server_close()


def test_a_label_of_markup_is_shown_as_text(page, scene, screen):
    scene.label = EVIL
    screen.open(page.link)
    page.event(Event("opened", EVIL))
    screen.wait(f"{LABEL} === {json.dumps(EVIL)}")
    screen.wait("document.querySelector('#events li span')")
    assert screen.read("document.querySelectorAll('main img').length") == 0
    assert screen.errors() == []


def test_the_token_leaves_the_address_bar_and_lets_in(scene, screen):
    page = PageSink("127.0.0.1:0", "sesame-open-12345")
    scene.page = page
    try:
        screen.open(page.link_with_token)
        assert screen.read("location.href") == page.link
        assert screen.read("document.cookie") == ""
        assert screen.errors() == []
        screen.open(page.link)
    finally:
        scene.page = None
        page.close()


def test_a_page_that_is_closed_or_loaded_again_gives_its_place_back(page, scene, screen):
    for _ in range(6):  # there are four places
        screen.open(page.link)
    assert screen.errors() == []


def contrast(one: str, other: str) -> float:
    """Of two colours as CSS writes them, 1 to 21 (WCAG 2.2, 1.4.3)."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    """Relative, 0 to 1, of `rgb(1, 2, 3)`."""
    shares = [int(part) / 255 for part in colour.partition("(")[2].strip(")").split(",")[:3]]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
