import socket

from edgecls.edge_runtime.doctor.finding import Level
from edgecls.edge_runtime.doctor.stream import check_stream


def test_a_camera_that_answers_is_fine_and_its_password_is_not_shown():
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = check_stream(f"http://user:secret@127.0.0.1:{server.getsockname()[1]}/")

    assert found.level is Level.OK
    assert "secret" not in found.what


def test_a_port_where_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    found = check_stream(f"rtsp://127.0.0.1:{port}/live")

    assert (found.level, found.what) == (
        Level.PROBLEM,
        f"rtsp://127.0.0.1:{port}/live: connection refused",
    )
    assert "check the address" in found.advice
