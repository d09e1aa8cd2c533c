"""Rooms of the device's code that a mutation run breaks, and the tests that must notice."""

from dataclasses import dataclass

_TESTS = "tests/edge_runtime"
_SOURCES = "camera/sources"


@dataclass(frozen=True)
class Room:
    """Modules that belong together, and their tests."""

    modules: tuple[str, ...]
    """Below edge_runtime/."""
    tests: tuple[str, ...]
    """The quickest first: the first one that fails ends the run."""


ROOMS = {
    "loop": Room(
        ("camera/loop.py", "camera/sinks.py", "camera/pace.py"),
        (
            *(f"{_TESTS}/camera/test_{name}.py" for name in ("sinks", "damaged_pictures", "pace", "loop")),
            f"{_TESTS}/images/test_hostile_pictures.py::test_a_request_to_stop_ends_what_is_being_decoded",
        ),
    ),
    "capture": Room(
        tuple(f"{_SOURCES}/{name}.py" for name in ("capture", "patience", "freeze", "frame_slot")),
        tuple(f"{_TESTS}/{_SOURCES}/test_{name}.py" for name in ("patience", "frame_slot", "capture")),
    ),
    "decision": Room(
        ("camera/decision.py", "camera/stillness.py"),
        (f"{_TESTS}/camera/test_decision.py", f"{_TESTS}/camera/test_stillness.py"),
    ),
    "page guard": Room(
        tuple(f"page/{name}.py" for name in ("access", "app", "connections", "server", "visitors")),
        tuple(f"{_TESTS}/page/test_{name}.py" for name in ("app", "visitors", "connections", "server")),
    ),
    "files": Room(
        ("files.py", "locks.py", "camera/event_log.py"),
        tuple(
            f"{_TESTS}/{name}.py"
            for name in ("test_files", "test_opened_files", "test_locks", "camera/test_event_log")
        ),
    ),
    "seal": Room(
        tuple(f"models/{name}.py" for name in ("model_file", "passed", "seal", "signature")),
        tuple(
            f"{_TESTS}/models/test_{name}.py"
            for name in (
                "model_file",
                "model_file_tflite",
                "model_file_onnx",
                "model_file_h5",
                "passed",
                "signature",
                "trial",
            )
        ),
    ),
    "card": Room(
        ("models/card.py", "schema.py"),
        (
            f"{_TESTS}/models/test_card.py",
            f"{_TESTS}/test_schema.py",
            f"{_TESTS}/models/test_hostile_cards.py",
        ),
    ),
}

_PACE, _SINKS, _DECISION, _STILL = (
    f"edge_runtime/camera/{name}.py" for name in ("pace", "sinks", "decision", "stillness")
)
_OF_ITS_SIZE = 'or len(text) != _ROOM - len(_PREFIX) or text[_KEY_CHARACTERS : _KEY_CHARACTERS + 1] != b":":'
EQUIVALENT: dict[tuple[str, str, str], str] = {
    (
        _PACE,
        "factor = min(max(budget / max(used, 1e-9), _MAX_DROP), _MAX_RISE)",
        "factor = min(max(budget / max(used, 2e-09), _MAX_DROP), _MAX_RISE)",
    ): "any number near zero gives _MAX_RISE",
    (_PACE, "self._used_before_s = 0.0", "self._used_before_s = 1.0"): "the first window sets it",
    (_SINKS, "self._retry_at_s = 0.0", "self._retry_at_s = 1.0"): "it is read after a failure, which sets it",
    (
        _DECISION,
        "self._winner_since_s = 0.0",
        "self._winner_since_s = 1.0",
    ): "the first frame comes after a silence, and sets it",
    (
        _STILL,
        "self._classified_s = self._moved_s = 0.0",
        "self._classified_s = self._moved_s = 1.0",
    ): "the first frame sets both",
    (
        "edge_runtime/page/server.py",
        "while not (tried.wait(POLL_S) or stop.requested or time.monotonic() >= give_up_at_s):",
        "while not (tried.wait(POLL_S) or stop.requested or time.monotonic() > give_up_at_s):",
    ): "the clock has nanoseconds",
    (
        "edge_runtime/models/passed.py",
        "_MOST_BYTES = 128 * (_MOST + 1)",
        "_MOST_BYTES = 128 * (_MOST + 2)",
    ): "a line has at most 73 bytes",
    (
        "edge_runtime/models/passed.py",
        "_MOST_BYTES = 128 * (_MOST + 1)",
        "_MOST_BYTES = 128 * (_MOST - 1)",
    ): "the same",
    **{
        (
            "edge_runtime/models/signature.py",
            f"if start < 0 {_OF_ITS_SIZE}",
            f"if start {other} {_OF_ITS_SIZE}",
        ): "no model begins with its signature"
        for other in ("< 1", "<= 0")
    },
    ("edge_runtime/schema.py", "continue", "pass"): "the loop's last statement",
    (
        "edge_runtime/page/server.py",
        "reason = os.strerror(error.errno or 0).lower()",
        "reason = os.strerror(error.errno or 1).lower()",
    ): "an error of bind and listen has a number",
}
"""Changes that nobody could notice: the module, the line before and after it, and why."""
