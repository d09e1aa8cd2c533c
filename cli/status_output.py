"""What `camera` tells of itself while it runs: to people on stderr, and to systemd where that started it."""

import math
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..edge_runtime.camera.outputs.status_line import StatusLine
    from ..edge_runtime.camera.outputs.systemd import ServiceSink


def open_status() -> "tuple[StatusLine, list[ServiceSink]]":
    """The status on stderr, and what tells systemd, if we are its service.

    Then the status is told to systemd alone: in the journal, a line every ten seconds would wear an SD card.
    """
    from ..edge_runtime.camera.outputs.status_line import StatusLine
    from ..edge_runtime.camera.outputs.systemd import ServiceSink, service_manager

    manager = service_manager(os.environ)
    if manager is None:
        return StatusLine(sys.stderr), []
    return StatusLine(sys.stderr, log_s=math.inf), [ServiceSink(manager)]
