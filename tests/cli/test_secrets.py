"""Row 53: a camera's password, however it is written, is shown nowhere."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from edgecls.cli.typed_secrets import exposed_secrets
from edgecls.edge_runtime.camera.event import Event
from edgecls.edge_runtime.camera.options import CameraOptions
from edgecls.edge_runtime.camera.sources.address import Stream
from edgecls.edge_runtime.errors import EdgeclsError, UsageError
from edgecls.edge_runtime.masking import HIDDEN, hide_secrets, masked, shown_source
from edgecls.edge_runtime.service.plan import plan_service
from edgecls.edge_runtime.service.unit import unit_text

from ..mjpeg_server import MjpegServer

FORMS = [
    "rtsp://admin:{}@10.0.0.7:554/live",
    "rtsp://{}@10.0.0.7/live",
    "rtsp://{}:@10.0.0.7/live",
    "http://10.0.0.7/video.cgi?loginuse=admin&loginpas={}",
    "http://10.0.0.7/video.cgi?user=admin&psw={}&channel=1",
    "http://10.0.0.7/video.cgi?pw={}",
    "http://10.0.0.7/video.cgi?{}",
    "http://10.0.0.7/video.cgi?anything={}",
    "http://10.0.0.7/video.cgi#{}",
    "http://cam/video.cgi?email=a@b.example&x={}",
    "rtsp://10.0.0.7/user=admin_password={}_channel=1_stream=0.sdp",
    "rtsp://10.0.0.7/user=admin&password={}&channel=1&stream=0.sdp?real_stream",
    "rtsp://10.0.0.7/user%3Dadmin_password%3D{}_channel%3D1",
    "rtsp://10.0.0.7/0/admin:{}/main",
    "rtsp://10.0.0.7/password/{}/live",
    "rtsp://[fe80::1%25eth0]:554/live;jsessionid={}",
    "rtsp://admin:{}@[fe80::1%25eth0]:554/live",
    " rtsp://admin:{}@10.0.0.7/",
    "\trtsp://admin:{}@10.0.0.7/",
    "rtsp://admin:{}@10.0.0.7/\r",
    '"rtsp://admin:{}@10.0.0.7/"',
    "'rtsp://admin:{}@10.0.0.7/",
    "rtsp//admin:{}@10.0.0.7/",
    "rtsp:/admin:{}@10.0.0.7/",
    "rtsp:admin:{}@10.0.0.7/",
    "rtsp;//admin:{}@10.0.0.7/",
    "rtsp:\\\\admin:{}@10.0.0.7\\live",
    "admin:{}@10.0.0.7/live",
    "//admin:{}@10.0.0.7/live",
    "RTSP://admin:{}@10.0.0.7/live",
    "rtps://admin:{}@10.0.0.7/live",
    "rtsp://admin:{}/live",
    "rtsp://admin;{}@10.0.0.7/live",
    "rtsp://admin:{}@",
]
PARTS = ("hunter", "tiger")
SECRETS = [
    "hunterTiger",
    *(f"hunter{character}Tiger" for character in "/?#@%:&=' \""),
    *("1/hunter#Tiger", "hunter%2FTiger", "@hunter/Tiger"),
]
TOKENS = [
    *("6Gxq5dXWEO4zYx1B", "0b0be1a2-7d5e-4a4f-9a55-7e1c2e4e9c11", "9f86d081884c7d65", "xK_w-8aQ2.zP4nR7vT"),
    *("RfApdadkhuCBThMT", "qzwxkvjtbpnmhrgl", "ebb879b2cfb5", "b7Gq2xP9s4Vd"),
]


def addresses() -> list[str]:
    """Each form with a plain secret, and the form with a login with each awkward one."""
    return [form.format(SECRETS[0]) for form in FORMS] + [
        form.format(secret) for form in (FORMS[0], FORMS[22], FORMS[27]) for secret in SECRETS[1:]
    ]


def assert_hidden(text: str, *, typed: str) -> None:
    found = [part for part in PARTS if part.lower() in text.lower()]
    lines = [line for line in text.splitlines() if any(part in line.lower() for part in found)]
    assert not found, f"{typed!r} is shown: {lines}"


def test_no_command_repeats_a_password(run_here, tmp_path: Path):
    config = tmp_path / "door.toml"
    for number, typed in enumerate(addresses()):
        config.write_text(f"source = [{json.dumps(typed)}]\n")
        commands = [
            ["camera", "--print-config", "--source", typed],
            ["camera", "--source", typed, "--size", "big"],
            ["camera", typed],
            ["camera", *typed.split()],
            ["camera", "--config", "door.toml"],
            ["inspect", typed],
            ["camera", f"--sorce={typed}"],
            ["camera", "--size", typed],
            ["camera", "--once", "--model", typed],
            ["predict", "--topk", typed, "cat.jpg"],
            ["service", "install", "--name", typed],
            [typed],
        ]
        for command in commands[:6] if number else commands:  # the last differ in where they repeat it alone
            done = run_here(*command, cwd=tmp_path)
            assert_hidden(done.stdout + done.stderr, typed=typed)
        for line in (f"{json.dumps(typed)} = 1", f"size = {json.dumps(typed)}", typed):
            config.write_text(line + "\n")
            done = run_here("camera", "--config", "door.toml", cwd=tmp_path)
            assert done.returncode in (2, 65, 78)
            assert_hidden(done.stdout + done.stderr, typed=typed)


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_doctor_shows_no_login_that_was_taken_for_a_model(run_here, tmp_path: Path, options: list[str]):
    done = run_here("doctor", *options, "hunterTiger@10.0.0.7", cwd=tmp_path)
    assert_hidden(done.stdout + done.stderr, typed="hunterTiger@10.0.0.7")
    assert "***@10.0.0.7: no such file" in done.stdout


def test_no_value_shows_a_password():
    for typed in addresses():
        options = CameraOptions(source=typed, token="hunterTiger-token")  # noqa: S106
        if " " in typed.strip() and "//" not in typed:  # where it ends, only the command line knows
            continue
        shown = [repr(options), repr(Stream(typed)), Stream(typed).description]
        shown += [str(EdgeclsError(f"{typed}: no")), repr(EdgeclsError(f"no such file: {typed}"))]
        shown += [Event("opened", f"opened {typed}: 640x480").text, Event("died", f"no '{typed}' (x)").text]
        assert_hidden("\n".join(shown), typed=typed)


def test_a_unit_has_the_password_in_no_line(tiny):
    for typed in addresses():
        options = CameraOptions(source=typed, model=tiny.folder / "image_classification_int8.tflite")
        try:
            service = plan_service("door", options)
        except UsageError as refused:
            assert_hidden(str(refused), typed=typed)
            continue
        assert_hidden(unit_text(service) + repr(service), typed=typed)
        assert service.secrets["EDGECLS_SOURCE"] == typed


def test_a_traceback_shows_no_password():
    program = "from edgecls.edge_runtime import masking; masking.hide_in_tracebacks(); raise OSError('{}')"
    command = [sys.executable, "-c", program.format("rtsp://admin:hunterTiger@10.0.0.7/")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "OSError: rtsp://admin:***@10.0.0.7/" in done.stderr
    assert done.stderr.startswith("Traceback")


@pytest.mark.parametrize(
    "address",
    [
        *(f"rtsp://10.0.0.7/{key}/{{}}/live" for key in ("key", "auth", "api_key", "sid", "admin", "user")),
        "rtsp://10.0.0.7/u/admin/p/{}",
        *(f"rtsp://10.0.0.7/{key}{{}}/live" for key in ("pw-", "key-", "admin_", "cam_root-", "admin,")),
        "10.0.0.7/v.cgi?usr=admin&{}",
        "cam/snapshot.cgi?p={}",
    ],
)
def test_a_path_or_a_scheme_less_address_shows_no_password(address):
    typed = address.format(SECRETS[0])
    shown = [masked(typed), shown_source(typed), str(EdgeclsError(f"no such option: {typed}; see --help"))]
    assert_hidden("\n".join(shown), typed=typed)
    assert all(HIDDEN in text for text in shown)


@pytest.mark.parametrize("token", TOKENS)
def test_a_path_that_is_a_random_text_is_a_secret(token):
    assert Stream(f"rtsps://10.0.0.7:7441/{token}/video").description == "rtsps://10.0.0.7:7441/***/video"


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://10.0.0.7/h264Preview_01_main",
        "rtsp://10.0.0.7:554/cam/realmonitor?channel=1&subtype=0",
        "rtsp://10.0.0.7/Streaming/Channels/101",
        "http://10.0.0.7/axis-cgi/mjpg/video.cgi?resolution=640x480&fps=5",
        "http://10.0.0.7/ISAPI/Streaming/channels/101/httpPreview",
        "http://[fe80::1%25eth0]:8080/?action=stream",
        "https://front-door.lan/cgi-bin/hi3510/mjpegstream.cgi",
        "rtsp://10.0.0.7/onvif-media/media.amp",
        "rtsp://10.0.0.7/ch0_unicast_firststream",
        "http://10.0.0.7/camera_proxy_stream/camera.front_door",
        "http://10.0.0.7/admin/snapshot.cgi?channel=1",
    ],
)
def test_what_is_no_secret_is_shown(url):
    assert Stream(url).description == url
    assert str(EdgeclsError(f"{url}: no answer; check it")) == f"{url}: no answer; check it"


@pytest.mark.parametrize(
    "text",
    [
        "photos/cat@2x.jpg: not an image; see C:\\photos@home\\a.png",
        "rtsp URL; write rtsp://user:password@host:port/path, and in the password %2F for /",
        "download it again from https://www.cs.toronto.edu/~kriz/cifar.html",
        "@eaDir, clip 2024-01-01T10:00.mp4: a=b, --conf=0.5",
        "rtsp://admin:***@cam/***?token=***: answers, but not with a video; check path, user and password",
        "rtsp://***: no",
    ],
)
def test_other_texts_stay_as_they_are(text):
    assert str(EdgeclsError(text)) == text


def test_a_running_camera_shows_its_password_nowhere(tiny, tmp_path: Path):
    """With all its outputs, and in the list of processes."""
    path = "user=admin_password=hunterTiger_channel=1.sdp?loginpas=hunterTiger&hunterTiger"
    with MjpegServer() as server:
        url = server.url.replace("http://", "http://admin:hunterTiger@").replace("stream.mjpg", path)
        command = [sys.executable, "-m", "edgecls.cli", "-v", "camera", f"--source={url}", "--json"]
        command += ["--serve", ":0", "--model", str(tiny.folder / "image_classification_int8.tflite")]
        command += ["--events", "events.jsonl", "--record", "kept/", "--token", "hunterTiger-token"]
        environment = os.environ | {"EDGECLS_SOURCE": url, "EDGECLS_TOKEN": "hunterTiger-token"}
        with subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout
            assert process.stderr
            try:
                lines = [process.stdout.readline() for _ in range(3)]
                said = next(line for line in process.stderr if line.startswith("page:"))
                page = re.search(r"http://\S+", said)
                assert page
                asked = urllib.request.Request(f"{page[0]}live?viewer=a&token=hunterTiger-token")
                lines.append(urllib.request.urlopen(asked).read().partition(b"\n")[0].decode())
                lines += _processes(process.pid)
            finally:
                process.terminate()
                rest = [process.stdout.read(), process.stderr.read()]  # with what was read ahead
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert {"events.jsonl", "recording.json"} <= {file.name for file in files}
    contents = [file.read_bytes().decode("latin-1") for file in files]
    assert_hidden("\n".join([*lines, said, *rest, *map(str, files), *contents]), typed=url)
    warning = "edgecls: warning: the token and the camera's password on the command line could be read"
    assert rest[1].count(warning) == 1
    assert "; set EDGECLS_TOKEN and EDGECLS_SOURCE, or use --config FILE" in rest[1]
    assert "opened http://admin:***@127.0.0.1" in (tmp_path / "events.jsonl").read_text()


SHOW_WARNING = "from edgecls.cli.typed_secrets import exposed_secrets; print(exposed_secrets())"
START = "import subprocess, sys; subprocess.run([sys.executable, '-c', *sys.argv[1:]])"


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_a_program_that_started_it_and_still_shows_the_token_is_named():
    """Such as sudo: its own command line is out of reach."""
    typed = [sys.executable, "-c", START, SHOW_WARNING, "--token", "hunterTiger-token"]
    with subprocess.Popen(typed, stdout=subprocess.PIPE, text=True) as started:
        said = started.communicate(timeout=60)[0]
    assert said.startswith("the token on the command line could be read")
    assert f" (process {started.pid}); set EDGECLS_TOKEN" in said


@pytest.mark.parametrize("words", [["--token", "x" * 16], [f"--token={'x' * 16}"], ["-s", "rtsp://a:b@c/"]])
def test_a_secret_in_the_environment_needs_no_warning(monkeypatch, words: list[str]):
    monkeypatch.setattr(sys, "argv", ["edgecls", "camera", *words])
    assert exposed_secrets()
    monkeypatch.setattr(sys, "argv", ["edgecls", "camera", "-s", "rtsp://10.0.0.7/live", "--serve"])
    assert exposed_secrets() == ""


def _processes(pid: int) -> list[str]:
    """What `ps` shows to others of a process and its children; of these their environment, too."""
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    files = [f"/proc/{pid}/cmdline", f"/proc/{child}/cmdline", f"/proc/{child}/environ"]
    shown = [Path(file).read_bytes().decode() for file in files]
    assert "edgecls.cli" in shown[0]
    assert "capture_child" in shown[1]
    return shown


@pytest.mark.parametrize("repeated", ["9", "a-", "a:", "a?", "a@", "a=", "/", "http://"])
def test_a_word_without_end_is_cut_and_takes_no_time(repeated: str):
    """Found by `make fuzz`: a key of 15 kB in a TOML file took seconds."""
    word = f"roi{repeated * 20_000}:hunter2@host/?token=hunter2"
    started_s = time.thread_time()
    shown = hide_secrets(f"camera.toml: {word}: no such option")
    assert time.thread_time() - started_s < 1
    assert shown.startswith("camera.toml: roi")
    assert shown.endswith("... no such option")
    assert len(shown) < 100
