"""Streams that OpenCV reads through FFmpeg: RTSP, and video over HTTP other than MJPEG."""

import os
import ssl
import tempfile
import time
from collections import deque
from collections.abc import Iterator

from ....errors import EdgeclsError, Unavailable
from ....images.opencv import cv2
from ...frame import OpenCamera, Picture
from ..address import masked
from ..capture_process import ANY_AUTHORITY, Notify, Trust
from ..memory import check_size
from ..usb_camera import opened, pictures
from . import rtsp
from .connection import Endpoint, ignore_proxies, no_notice
from .tls import pinned_certificate, read_certificates

_RTSP_OPTIONS = ("rtsp_flags;prefer_tcp", "allowed_media_types;video", "probesize;32")
"""TCP, as a packet lost by UDP smears the picture until the next key frame; UDP if the camera refuses TCP. No
sound, and no look at more than the first packet: FFmpeg would keep those that it reads meanwhile, and their
pictures would come first, seconds old. To throw them away (`nobuffer`) loses the first key frame, and the
next one may be half a minute away."""
_LONG_RTSP_OPTIONS = (
    *("rtsp_flags;prefer_tcp", "allowed_media_types;video", "fpsprobesize;0"),
    *("analyzeduration;60000000", "probesize;30000000"),
)
"""For cameras whose description lacks the size of the picture: until FFmpeg finds it, at a key frame."""
_HTTP_OPTIONS = ("analyzeduration;100000", "fpsprobesize;0")
"""As little of a look as finds the format."""
_USERS_OPTIONS = os.environ.get("OPENCV_FFMPEG_CAPTURE_OPTIONS", "")
_MJPEG = cv2.VideoWriter.fourcc(*"MJPG")
_AT_ONCE_S = 0.01
"""A picture that comes sooner was waiting, and may be old."""
_WINDOW_S = 5.0
_FULL_LOAD = 0.9
"""Of one core, over the window: a single thread does not decode the stream in time."""


def open_stream(
    url: str, timeout_s: float, trust: Trust = ANY_AUTHORITY, notify: Notify = no_notice
) -> OpenCamera:
    """Opens a URL that FFmpeg can read.

    Args:
        url: rtsp(s) or http(s).
        timeout_s: for opening, and for each picture.
        trust: which certificates are trusted.
        notify: gets what opening waits for.

    Raises:
        Unavailable: there is no video.
        BadImage: its pictures are too large.
    """
    ignore_proxies()
    is_rtsp, played = Endpoint.of(url).scheme.startswith("rtsp"), url
    if is_rtsp:
        played = rtsp.url_to_play(url, timeout_s, trust, notify)
    stream = _Stream(played, timeout_s, trust)
    if not stream.open(threads=1):
        raise _no_rtsp_video(url, played, trust) if is_rtsp else _no_video(url)
    return opened(stream.capture, stream.pictures())


def _no_rtsp_video(url: str, played: str, trust: Trust) -> EdgeclsError:
    why = rtsp.why_no_video(played, trust)
    return why if played == url else Unavailable(f"{masked(url)}: redirects to {why}")


def _no_video(url: str) -> Unavailable:
    return Unavailable(
        f"{masked(url)}: answers, but not with a video; check the path, or use the camera's RTSP or MJPEG URL"
    )


class _Stream:
    """One stream, opened with one decoding thread, and with one for each core where that is not enough."""

    def __init__(self, url: str, timeout_s: float, trust: Trust) -> None:
        self.capture = cv2.VideoCapture()
        host, bracket, rest = url.partition("]")  # FFmpeg wants the zone of an IPv6 address as it is
        self._url = host.replace("%25", "%", 1) + bracket + rest if bracket else url
        self._timeout_ms = int(timeout_s * 1000)
        self._threads = 1
        endpoint = Endpoint.of(url)
        self._is_rtsp = endpoint.scheme.startswith("rtsp")
        self._is_behind = not self._is_rtsp  # FFmpeg has read pictures before the first one was asked for
        self._tls_options: tuple[str, ...] = ()
        if endpoint.is_encrypted:
            self._tls_options = ("tls_verify;1", f"ca_file;{_file_of(_authorities(endpoint, trust))}")

    def open(self, threads: int) -> bool:
        """Opens the stream with so many decoding threads, each of which holds a picture; 0: one a core.

        Raises:
            BadImage: its pictures are too large.
        """
        is_open = self._open_as_it_needs(threads)
        if is_open:
            check_size(self.capture, masked(self._url))
        return is_open

    def _open_as_it_needs(self, threads: int) -> bool:
        if not self._is_rtsp:
            return self._open(threads, _HTTP_OPTIONS)
        if not self._open(threads, _RTSP_OPTIONS):
            return False
        if self.capture.get(cv2.CAP_PROP_FRAME_WIDTH) > 0:
            return True
        self.capture.release()
        self._is_behind = True
        return self._open(threads, _LONG_RTSP_OPTIONS)

    def _open(self, threads: int, options: tuple[str, ...]) -> bool:
        self._threads = threads or os.cpu_count() or 1
        # The only way to set them. A user's own options have no say in whom to trust.
        theirs = "" if self._tls_options else _USERS_OPTIONS
        os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = theirs or "|".join(options + self._tls_options)
        timeouts = [
            *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, self._timeout_ms),
            *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, self._timeout_ms),
            *(cv2.CAP_PROP_N_THREADS, threads),
        ]
        # FFmpeg takes these only on opening: set() afterwards returns False.
        return self.capture.open(self._url, cv2.CAP_FFMPEG, timeouts)

    def pictures(self) -> Iterator[Picture | None]:
        """Yields the pictures until the stream ends."""
        while True:
            yield from self._pictures()
            if not self._is_overloaded:
                return
            self.capture.release()
            if not self.open(threads=0):
                return

    def _pictures(self) -> Iterator[Picture | None]:
        """Yields pictures until the stream ends, or a single thread turns out to be too slow for it.

        FFmpeg gives a picture when the next one begins to arrive, and one later for each further thread. So
        it was captured when the one before was given.
        """
        self._is_overloaded = False
        held = self._threads - (int(self.capture.get(cv2.CAP_PROP_FOURCC)) == _MJPEG)
        given_at_s: deque[float] = deque(maxlen=max(held, 1))
        load, asked_at_s = _Load(), time.monotonic()
        for picture in pictures(self.capture):
            if picture is None:
                yield None
                continue
            now_s = captured_at_s = picture.captured_at_s
            if self._is_behind and now_s - asked_at_s < max(_AT_ONCE_S, self._interval_s() / 4):
                asked_at_s = time.monotonic()
                continue
            self._is_behind = False
            if held and len(given_at_s) == held:
                captured_at_s = given_at_s[0]
            elif held:  # the first ones
                captured_at_s = now_s - held * self._interval_s()
            given_at_s.append(now_s)
            yield picture._replace(captured_at_s=captured_at_s)
            if self._threads == 1 and (os.cpu_count() or 1) > 1 and load.is_full(now_s):
                self._is_overloaded = True
                return

    def _interval_s(self) -> float:
        """Returns the time between two pictures as the stream states it; 0 if that is not plausible."""
        rate_fps = self.capture.get(cv2.CAP_PROP_FPS)
        return 1 / rate_fps if 1 / 60 <= rate_fps <= 240 else 0.0


class _Load:
    """Measures how much of a core this process takes."""

    def __init__(self) -> None:
        self._window: tuple[float, float] | None = None

    def is_full(self, now_s: float) -> bool:
        """Whether it took a whole core over the last window; looks at the end of a window only."""
        if self._window is None:
            self._window = now_s, time.process_time()
        wall_s = now_s - self._window[0]
        if wall_s < _WINDOW_S:
            return False
        used_s = time.process_time() - self._window[1]
        self._window = None
        return used_s > _FULL_LOAD * wall_s


def _authorities(endpoint: Endpoint, trust: Trust) -> bytes:
    """Returns the certificates, in PEM, one of which must vouch for the camera's.

    FFmpeg knows no fingerprints: a camera's own certificate, if it is the pinned one, vouches for itself.

    Raises:
        Unavailable: the certificate is not the pinned one.
    """
    if trust.fingerprint:
        return pinned_certificate((endpoint.host, endpoint.port), trust)
    path = trust.ca_file or ssl.get_default_verify_paths().cafile
    return read_certificates(path).encode() if path else b""


def _file_of(content: bytes) -> str:
    """Returns the path of a file with this content, which needs no disk and lives as long as this process."""
    if hasattr(os, "memfd_create"):
        file = os.memfd_create("edgecls-authorities")
        path = f"/proc/self/fd/{file}"
    else:
        file, path = tempfile.mkstemp(suffix=".pem")
    os.write(file, content)
    return path
