"""A real RTSP server for the tests, from Debian's packages, run by the system's Python in its own process.

    /usr/bin/python3 rtsp_server.py [--port PORT] [--user USER --password PASSWORD] [--tls CERTIFICATE KEY]

writes its port as the first line to stdout. `/h264` and `/mjpeg` are live streams of pictures that carry
their number in large blocks, like those of mjpeg_server.py; `/rare` has a single key frame, `/slow` gives one
picture a second, and `/sound` has sound too. Each number follows on a line of its own, with the time
(monotonic) at which its picture was given to the encoder.
"""

import argparse
import sys
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtspServer  # noqa: E402 - only now is it known which ones

BITS = 16
WIDTH_PX, HEIGHT_PX = 320, 240
RATE_FPS = 30
CAPS = f"video/x-raw,format=GRAY8,width={WIDTH_PX},height={HEIGHT_PX},framerate="
# As network cameras do: no picture needs a later one.
H264 = "x264enc tune=zerolatency speed-preset=ultrafast key-int-max={} ! rtph264pay name=pay0"
SOUND = " audiotestsrc is-live=true ! alawenc ! rtppcmapay name=pay1"
STREAMS = {
    "/h264": (RATE_FPS, H264.format(RATE_FPS)),  # a key frame each second
    "/rare": (RATE_FPS, H264.format(100_000)),
    "/slow": (1, H264.format(100_000)),
    "/mjpeg": (RATE_FPS, "jpegenc ! rtpjpegpay name=pay0"),
    "/sound": (
        RATE_FPS,
        f"{H264.format(RATE_FPS)} audiotestsrc is-live=true ! alawenc ! rtppcmapay name=pay1",
    ),
}


class Camera(GstRtspServer.RTSPMediaFactory):
    """One stream, made anew for its first viewer and shared with the others."""

    def __init__(self, rate_fps: int, encoder: str) -> None:
        super().__init__()
        self.rate_fps = rate_fps
        source = f"appsrc name=camera is-live=true do-timestamp=true format=time caps={CAPS}{rate_fps}/1"
        self.set_launch(f"( {source} ! videoconvert ! video/x-raw,format=I420 ! {encoder} )")
        self.set_shared(True)
        self.connect("media-configure", self.start)

    def start(self, _: object, media: GstRtspServer.RTSPMedia) -> None:
        camera = media.get_element().get_by_name_recurse_up("camera")
        GLib.timeout_add(1000 // self.rate_fps, push, camera)


numbers = iter(range(1, 1 << BITS))


def push(camera: Gst.Element) -> bool:
    """Gives one picture to a stream; False, and so the last time, when the stream has no viewer left."""
    number = next(numbers)
    given = camera.emit("push-buffer", Gst.Buffer.new_wrapped(picture(number))) == Gst.FlowReturn.OK
    tell(f"{number} {time.monotonic()}")
    return given


def tell(line: object) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def picture(number: int) -> bytes:
    """The number as black and white columns, the lowest bit on the left."""
    row = bytes(255 * (number >> x * BITS // WIDTH_PX & 1) for x in range(WIDTH_PX))
    return row * HEIGHT_PX


def guard(server: GstRtspServer.RTSPServer, factories: list[Camera], chosen: argparse.Namespace) -> None:
    """Lets nobody look without the user's name and password, if there are any, or without TLS."""
    auth, user = GstRtspServer.RTSPAuth(), chosen.user or "anybody"
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", user)
    if chosen.user:
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, chosen.password), token)
    else:
        auth.set_default_token(token)
    if chosen.tls:
        auth.set_tls_certificate(Gio.TlsCertificate.new_from_files(*chosen.tls))
    server.set_auth(auth)
    for factory in factories:
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_permission_for_role(user, "media.factory.access", True)
        permissions.add_permission_for_role(user, "media.factory.construct", True)
        factory.set_permissions(permissions)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--port", default="0")
    options.add_argument("--user")
    options.add_argument("--password")
    options.add_argument("--tls", nargs=2)
    chosen = options.parse_args()
    Gst.init(None)
    for element in ("videoconvert", "x264enc", "rtph264pay", "jpegenc", "rtpjpegpay"):
        if Gst.ElementFactory.find(element) is None:
            raise SystemExit(f"GStreamer has no {element} here")
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(chosen.port)
    cameras = {path: Camera(*stream) for path, stream in STREAMS.items()}
    for path, camera in cameras.items():
        server.get_mount_points().add_factory(path, camera)
    if chosen.user or chosen.tls:
        guard(server, list(cameras.values()), chosen)
    if not server.attach(None):
        raise SystemExit(f"cannot listen on port {chosen.port}")
    tell(server.get_bound_port())
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
