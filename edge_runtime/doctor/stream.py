"""Whether a camera on the network can be reached."""

from urllib.parse import urlsplit

from ..camera.diagnosis import connect, why_no_answer
from ..camera.source_address import masked
from .finding import Finding, from_error, ok


def check_stream(url: str) -> Finding:
    """Whether something listens at a stream's host and port, be it a video or not."""
    try:
        connect(url)
    except (OSError, UnicodeError) as error:
        return from_error("stream", why_no_answer(url, error))
    return ok("stream", f"{masked(url)}: {urlsplit(url).hostname} answers")
