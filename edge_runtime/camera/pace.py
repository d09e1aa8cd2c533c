"""How often the loop takes a frame."""


class Pace:
    """Takes every frame that it can."""

    def pause_s(self) -> float:
        """Seconds until the next frame may be taken; 0 where it is due."""
        return 0.0

    def took(self) -> None:
        """A frame was taken."""
