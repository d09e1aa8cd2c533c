"""What the kernel calls /dev/video0 and its like: on a Raspberry Pi, most of them are no cameras."""

from dataclasses import dataclass
from pathlib import Path

_CSI = ("unicam", "rp1-cfe")
"""How the names of the receivers of a ribbon cable begin: up to the Pi 4, and on the Pi 5. They are there
only when a sensor answered, and give its raw data, which OpenCV cannot use."""
_NO_CAMERAS = ("bcm2835-codec", "bcm2835-isp", "pispbe", "rpi-hevc", "rpivid")
"""Video encoders and decoders and picture processors, there with or without a camera."""


@dataclass(frozen=True)
class VideoNode:
    """One /dev/video*."""

    number: int
    card: str
    """What its driver calls it: `unicam-image`, or `HD Pro Webcam C920` for a USB camera."""

    @property
    def path(self) -> str:
        """What a user calls it."""
        return f"/dev/video{self.number}"

    @property
    def is_csi(self) -> bool:
        """Whether a camera on a ribbon cable is behind it."""
        return self.card.startswith(_CSI)

    @property
    def is_camera(self) -> bool:
        """Whether OpenCV may get pictures from it."""
        return not self.card.startswith(_CSI + _NO_CAMERAS)


def video_nodes(root: Path) -> tuple[VideoNode, ...]:
    """The video devices of this machine, in order of their numbers; `root` is where sys is."""
    found = []
    for node in (root / "sys/class/video4linux").glob("video*"):
        number = node.name.removeprefix("video")
        try:
            found.append(VideoNode(int(number), (node / "name").read_text().strip()))
        except (OSError, ValueError):  # unplugged meanwhile
            continue
    return tuple(sorted(found, key=lambda node: node.number))
