"""Video output: records a camera loop as an annotated video."""

import errno
import os
from itertools import count
from pathlib import Path

import numpy as np

from ...errors import BadConfiguration, EdgeclsError, UsageError
from ...files import keep_for_one, put_in_place
from ...images.opencv import cv2
from ...locks import PartFolder, remove_abandoned
from ..answer import Answer, Sink
from ..event import OnEvent, ignore
from ..frame import Frame
from ..sources.source import Source
from .overlay import annotate
from .recording_disk import RESERVE_BYTES, RecordingDisk
from .video_writer import SUFFIXES, VideoWriter, count_frames, encodable_rate, live_rate

CAMERA_FPS = 15.0
"""Frame rate of the video for a camera that does not state its own."""
STILLS_FPS = 1.0
"""Frame rate of the video for still images."""
FEW_EARLY = 0.1
"""A camera whose frames do not come evenly loses so large a share of them at most."""
MAX_PAUSE_S = 2.0
"""A longer silence of a camera is cut to this."""
MAX_STILL_S = 300.0
"""Pictures of this time without a larger file do not reach the disk; FFmpeg writes when it has 32 kB."""


class Recorder(Sink):
    """Writes each frame with its answer into a video, which appears when it is closed.

    Frames of a camera come irregularly, and frames of a video may be skipped, so each is shown until the next
    one: an hour of camera becomes an hour of video.

    When nothing more can be written, because the disk is full, broken or gone, an event says so, and the loop
    continues. What was recorded until then is kept if it can be played.

    Args:
        path: the `.mp4` or `.webm` to write.
        source: gives the frame rate of the video.
        on_event: called when the recording stops, and when it goes on.
        reserve_bytes: disk space to leave free.
        resumes: whether the recording goes on when the disk is back, as `out-2.mp4`; else `close` raises.

    Raises:
        UsageError: `path` is not the name of a video.
        BadConfiguration: another process records to it.
        OutputFailed, PermissionRefused: nothing can be written there.
    """

    name = "the recording"

    def __init__(
        self,
        path: Path,
        source: Source,
        on_event: OnEvent = ignore,
        reserve_bytes: int = RESERVE_BYTES,
        *,
        resumes: bool = False,
    ) -> None:
        if path.suffix.lower() not in SUFFIXES or path.is_dir():
            raise UsageError(
                f"{path}: not the name of a video to record; end it in .mp4 or .webm, or in / for a folder"
            )
        self._path = path
        self._place = Path(os.path.realpath(path))
        self._source = source
        self._resumes = resumes
        self._finished = self._frames = self._left_out = 0
        self._part: PartFolder | None = None
        self._video: _Video | None = None
        failure = None
        try:
            self._part = keep_for_one(path)
        except BadConfiguration:
            raise
        except EdgeclsError as error:
            failure = error
        self._disk = RecordingDisk(path, self._place.parent, on_event, reserve_bytes, resumes=resumes)
        if failure:
            self._disk.start_failed(failure)

    def write(self, answer: Answer) -> None:
        """See `Sink.write`.

        Raises:
            OutputFailed: OpenCV has no encoder.
        """
        if not self._disk.may_write():
            return
        picture = annotate(answer.frame.pixels, answer.decision.shown, answer.timing)
        try:
            self._disk.check()
            if self._video is None:
                self._video = self._new_video(answer.frame, picture)
            self._video.check()
        except OSError as error:
            self._disk.has_failed(error)
            self._finish()
        except EdgeclsError as error:
            if not self._resumes:
                raise
            self._disk.has_failed(error)
        else:
            self._disk.goes_on(self._next_place())
            self._frames += 1
            self._left_out += not self._video.write(picture, answer.frame.time_s)

    def _shown_frames(self) -> str:
        """How many frames the video shows, where it left out more than a few that came early."""
        if self._left_out <= FEW_EARLY * self._frames:
            return ""
        is_webm = self._path.suffix.lower() == ".webm"
        why = "encoding .webm is slow; .mp4 takes more" if is_webm else "they came faster than its frame rate"
        return f"{self._frames - self._left_out:,} of {self._frames:,} frames ({why})"

    def _new_video(self, frame: Frame, picture: np.ndarray) -> "_Video":
        if self._part and not self._part.is_there:
            self._part.close()
            self._part = None
        if self._part is None:
            remove_abandoned(self._place.parent)  # such as ours, on a stick that was pulled out
            self._part = PartFolder(self._place.parent, only_for=self._path)
        for left in self._part.path.iterdir():  # from before its disk was taken away
            self._keep(left)
        return _Video(self._part.path / self._place.name, self._path, self._source, frame, picture)

    def _finish(self) -> None:
        """Ends the video; an error is noted, and what can be played is kept."""
        video, self._video = self._video, None
        if video is None:
            return
        try:
            video.finish()
        except EdgeclsError as error:
            self._disk.has_failed(error)
        self._keep(video.beside)

    def _keep(self, beside: Path) -> None:
        """Puts a video that can be played in its place, and removes any other."""
        try:
            if count_frames(beside):
                put_in_place(beside, self._next_place())
                self._finished += 1
            else:
                beside.unlink(missing_ok=True)
        except OSError as error:
            self._disk.has_failed(error)

    def _next_place(self) -> Path:
        """Returns the place of the next video: `out.mp4`; for each further one a name that is free."""
        if not self._finished:
            return self._place
        numbered = (self._place.with_stem(f"{self._place.stem}-{number}") for number in count(2))
        return next(path for path in numbered if not path.exists())

    def close(self) -> None:
        """Finishes the video; without a frame there is none.

        Raises:
            OutputFailed, PermissionRefused: what ended the recording early. What was recorded before is kept
                if it can be played, otherwise the old file.
        """
        self._disk.is_ending = True
        self._finish()
        self.remark = self._shown_frames()
        if self._part:
            self._part.close()
            self._part = None
        self._disk.close()


class _Video:
    """A video that is being written.

    Args:
        beside: where it is written.
        path: its name for messages.
        source: gives the frame rate.
        frame: the first frame.
        first: the first picture: uint8 (H, W, 3) BGR.
    """

    def __init__(self, beside: Path, path: Path, source: Source, frame: Frame, first: np.ndarray) -> None:
        self.beside = beside
        self._is_paced = source.live or frame.position_s is not None
        rate_fps = source.rate_fps or (CAMERA_FPS if source.live else STILLS_FPS)
        if source.live:
            rate_fps = live_rate(beside, rate_fps, first)
        self._rate_fps = encodable_rate(rate_fps)
        self._size_px = first.shape[1], first.shape[0]
        self._last = first
        self._started_s = 0.0
        self._frames = self._size_bytes = self._grown_at = 0
        self._writer = VideoWriter(beside, self._rate_fps, self._size_px, path)

    def check(self) -> None:
        """Checks that what is written reaches the disk, of which OpenCV says nothing.

        Raises:
            OSError: the file is not there any more, or did not grow with `MAX_STILL_S` of pictures.
        """
        size_bytes = self.beside.stat().st_size
        if size_bytes != self._size_bytes:
            self._size_bytes, self._grown_at = size_bytes, self._frames
        elif self._frames - self._grown_at > MAX_STILL_S * self._rate_fps:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def write(self, picture: np.ndarray, time_s: float) -> bool:
        """Adds a picture that was taken at `time_s`; False if it came too early and is left out."""
        if (picture.shape[1], picture.shape[0]) != self._size_px:  # the camera's resolution changed
            picture = cv2.resize(picture, self._size_px, interpolation=cv2.INTER_AREA)
        pictures = self._paced(picture, time_s) if self._is_paced else (picture,)
        for shown in pictures:
            self._writer.write(shown)
            self._frames += 1
        self._last = picture
        return bool(pictures)

    def _paced(self, picture: np.ndarray, time_s: float) -> list[np.ndarray]:
        """Returns the pictures due until `time_s`: the last one again, then this one; none if it is early."""
        if self._frames == 0:
            self._started_s = time_s
        due = round((time_s - self._started_s) * self._rate_fps) + 1 - self._frames
        too_many = due - round(MAX_PAUSE_S * self._rate_fps)
        if too_many > 0:
            self._started_s += too_many / self._rate_fps
            due -= too_many
        return [self._last] * (due - 1) + [picture] if due > 0 else []

    def finish(self) -> None:
        """Writes the end of the file.

        Raises:
            OutputFailed: some frames did not reach the disk.
        """
        self._writer.finish()
