"""Inbox folder: pictures worth labelling, within a number and a size, whole whenever a camera is killed."""

import errno
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from ...errors import BadConfiguration, BadImage
from ...files import FolderThatReturns, check_writable, write_whole
from ...images.look import LOOK_VALUES, Look, look_of
from ...images.opencv import cv2
from ...images.rule import ImageRule
from ...locks import Lock, LockedFolder
from ..actions.announced import jpeg_of
from ..answer import Answer
from ..outputs.destination import Carrying
from ..outputs.recording_disk import RESERVE_BYTES
from ..region import RegionOutside
from ..view import View, network_input
from .kept import Kept, Reason, first_to_go, packed, unpacked

MOST_PICTURES = 500
MOST_BYTES = 200_000_000
SAME_BITS, SAME_STEPS = 3, 3.0
"""Pictures with the same guess that differ by no more are near-duplicates. A quarter of the limits of
`data.signatures`: the background of a fixed camera is the same in all its pictures."""
UNLIKE_STEPS = 32.0
"""A picture is unlike everything seen if its thumbnail differs by at least so many of 255 steps from all."""
_VERY_UNLIKE_STEPS = 64.0
BURST_PAUSE_S = 300.0
"""Between two pictures of one burst, as `edgecls train` takes it for recordings."""
_MOST_SEEN = 2000
_JPEG_QUALITY = 95
_NAMES_APART = timedelta(milliseconds=1)


@dataclass(frozen=True)
class CameraOrigin:
    """Where the pictures of an inbox come from."""

    model: str
    model_sha256: str
    source: str
    """Without secrets."""
    rule: ImageRule
    view: View
    roi: str | None = None


@dataclass(frozen=True)
class CandidateFrame:
    """A frame that may be kept."""

    answer: Answer
    margin: float
    draw: float
    taken_at: datetime
    """In UTC."""
    reason: Reason | None
    """None: it is kept only if it is unlike everything seen."""


class InboxFolder:
    """The folder, as a courier's destination; `close` gives it back.

    Args:
        folder: made if it does not exist; files of others in it are left alone.
        origin: of the pictures.
        most_pictures: limit, above which the least useful goes first.
        most_bytes: limit of pictures and notes together.
    """

    def __init__(
        self,
        folder: Path,
        origin: CameraOrigin,
        most_pictures: int = MOST_PICTURES,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self.name = f"inbox {folder}"
        self.new = 0
        """Pictures kept by this run, those that have gone again too."""
        self.path = folder
        self._origin = origin
        self._most_pictures, self._most_bytes = most_pictures, most_bytes
        self._locked: LockedFolder | None = None
        self._place = FolderThatReturns(folder)
        self._kept: dict[str, Kept] = {}
        self._looks: dict[str, Look] = {}
        self._sizes: dict[str, int] = {}
        self._seen = np.empty((_MOST_SEEN, LOOK_VALUES), np.uint8)
        self._seen_count = 0
        self._burst = ""
        self._burst_at: datetime | None = None

    def __len__(self) -> int:
        return len(self._kept)

    def open(self) -> None:
        """Takes the folder, and what an earlier run has left in it; does nothing where that is done.

        Raises:
            BadConfiguration: another camera keeps its pictures there.
            EdgeclsError, OSError: it is not there, or cannot be written.
        """
        if self._locked and self._locked.is_there:
            return
        self.close()
        if not self._place.may_return:
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
        self._place.make()
        check_writable(self.path / "inbox")  # removes the parts of files that a killed process has left
        locked = LockedFolder(self.path)
        if locked.lock is Lock.THEIRS:
            raise BadConfiguration(
                f"{self.path}: another edgecls keeps its pictures there; name another folder, "
                "or end the other"
            )
        self._locked = locked
        self._kept, self._looks, self._sizes = {}, {}, {}
        for note in sorted(self.path.glob("*.json")):
            if kept := Kept.read(note):
                self._take_over(note, kept)
        while self._kept and self._is_over(0):
            self._remove(first_to_go(self._kept))

    def close(self) -> None:
        """Gives the folder back. May be called twice."""
        if self._locked:
            self._locked.close()
        self._locked = None

    def deliver(self, item: CandidateFrame, attempt: Carrying) -> None:  # noqa: ARG002 - a disk is not interrupted
        """Keeps a frame, if it is worth it; see `Destination.deliver`.

        Raises:
            EdgeclsError, OSError: it could not be written.
        """
        self.open()
        self._forget_what_is_gone()
        frame = item.answer.frame
        try:
            image = network_input(frame, self._origin.rule, self._origin.view)
        except (BadImage, RegionOutside, cv2.error):
            return
        look = look_of(image)
        unlike = self._unlike(look)
        reason = item.reason or ("unlike" if unlike >= UNLIKE_STEPS / _VERY_UNLIKE_STEPS else None)
        if reason is None or self._is_known(look, item.answer.prediction.ranking[0][0]):
            return
        if (jpeg := jpeg_of(frame, _JPEG_QUALITY)) is None:
            return
        self._keep(self._note(item, reason, unlike, look), look, jpeg, item.taken_at)

    def _take_over(self, note: Path, kept: Kept) -> None:
        """Takes a picture of an earlier run; a note without its picture is removed."""
        try:
            size = note.stat().st_size + note.with_suffix(".jpg").stat().st_size
        except FileNotFoundError:
            note.unlink(missing_ok=True)
            return
        look = unpacked(kept.look)
        self._kept[note.stem], self._looks[note.stem], self._sizes[note.stem] = kept, look, size
        self._see(look)

    def _forget_what_is_gone(self) -> None:
        """Forgets pictures that somebody has labelled or removed meanwhile."""
        there = {entry.name for entry in os.scandir(self.path)}
        for name in [name for name in self._kept if f"{name}.jpg" not in there]:
            self._remove(name)

    def _note(self, item: CandidateFrame, reason: Reason, unlike: float, look: Look) -> Kept:
        ranking = item.answer.prediction.ranking
        return Kept(
            reason=reason,
            guess=ranking[0][0],
            announced=item.answer.announced,
            scores=ranking,
            margin=item.margin,
            unlike=unlike,
            draw=item.draw,
            taken_at=item.taken_at.isoformat(timespec="milliseconds"),
            burst=self._burst_of(item.taken_at),
            sequence=item.answer.frame.sequence,
            model=self._origin.model,
            model_sha256=self._origin.model_sha256,
            source=self._origin.source,
            look=packed(look),
            roi=self._origin.roi,
        )

    def _burst_of(self, taken_at: datetime) -> str:
        before = self._burst_at
        if before is None or abs((taken_at - before).total_seconds()) > BURST_PAUSE_S:
            self._burst = f"{taken_at:%Y%m%d_%H%M%S}_{os.urandom(2).hex()}"
        self._burst_at = taken_at
        return self._burst

    def _unlike(self, look: Look) -> float:
        """How little a picture looks like everything seen, 0 to 1; 1 where nothing has been."""
        seen = self._seen[: min(self._seen_count, _MOST_SEEN)]
        if not len(seen):
            return 1.0
        sums, _ = cv2.batchDistance(look.thumbnail[np.newaxis], seen, cv2.CV_32S, normType=cv2.NORM_L1, K=1)
        return min(1.0, float(sums[0, 0]) / LOOK_VALUES / _VERY_UNLIKE_STEPS)

    def _see(self, look: Look) -> None:
        self._seen[self._seen_count % _MOST_SEEN] = look.thumbnail
        self._seen_count += 1

    def _is_known(self, look: Look, guess: str) -> bool:
        """Whether a near-duplicate with the same guess is kept already."""
        return any(
            look.bits_from(other) <= SAME_BITS
            and self._kept[name].guess == guess
            and look.steps_from(other) <= SAME_STEPS
            for name, other in self._looks.items()
        )

    def _is_over(self, more: int, more_bytes: int = 0) -> bool:
        """Whether there is no room for so many pictures more."""
        is_too_many = len(self._kept) + more > self._most_pictures
        return is_too_many or sum(self._sizes.values()) + more_bytes > self._most_bytes

    def _keep(self, kept: Kept, look: Look, jpeg: bytes, taken_at: datetime) -> None:
        """Writes a picture, after the least useful have gone where there is no room; or lets it go itself."""
        note = kept.to_json().encode(errors="backslashreplace")
        size = len(note) + len(jpeg)
        if size > self._most_bytes:
            return
        name = _name_of(taken_at)
        while (
            name in self._kept or (self.path / f"{name}.jpg").exists()
        ):  # as after a clock that was set back
            taken_at += _NAMES_APART
            name = _name_of(taken_at)
        while self._is_over(1, size):
            least = first_to_go({**self._kept, name: kept})
            if least == name:
                return
            self._remove(least)
        if shutil.disk_usage(self.path).free < RESERVE_BYTES + size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        path = self.path / f"{name}.json"
        write_whole(path, note)
        try:
            write_whole(path.with_suffix(".jpg"), jpeg)
        except BaseException:
            for unfinished in (path.with_suffix(".jpg"), path):
                with suppress(OSError):
                    unfinished.unlink(missing_ok=True)
            raise
        self._kept[name], self._looks[name], self._sizes[name] = kept, look, size
        self._see(look)
        self.new += 1

    def _remove(self, name: str) -> None:
        """Removes a picture, then its note."""
        for suffix in (".jpg", ".json"):
            (self.path / f"{name}{suffix}").unlink(missing_ok=True)
        del self._kept[name], self._looks[name], self._sizes[name]


def _name_of(taken_at: datetime) -> str:
    """Such as `20261201_142355_123`, in UTC, as `edgecls train` reads times from names."""
    return f"{taken_at.astimezone(UTC):%Y%m%d_%H%M%S}_{taken_at.microsecond // 1000:03d}"
