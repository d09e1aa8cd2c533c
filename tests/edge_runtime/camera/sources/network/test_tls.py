"""Cameras with certificates of their own, over real TLS on loopback."""

import hashlib
import ssl
import subprocess

import pytest

from edgecls.edge_runtime.camera.sources.capture_process import ANY_AUTHORITY, Trust
from edgecls.edge_runtime.camera.sources.network.mjpeg_http import open_mjpeg
from edgecls.edge_runtime.camera.sources.network.tls import parse_fingerprint, trust_of
from edgecls.edge_runtime.errors import BadConfiguration, MissingInput, Unavailable, UsageError
from tests.certificates import certificate, expired, server_tls
from tests.mjpeg_server import MjpegServer

TIMEOUT_S = 60.0


def fingerprint(folder) -> str:
    pem = (folder / "camera.pem").read_text()
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


def test_a_certificate_of_the_camera_is_refused_with_the_two_ways_to_trust_it(tmp_path):
    with MjpegServer(tls=server_tls(tmp_path)) as server:
        with pytest.raises(Unavailable) as caught:
            open_mjpeg(server.url, TIMEOUT_S)
        assert "certificate not trusted: self-signed certificate; " in str(caught.value)
        assert f"use --ca-file FILE or --tls-fingerprint sha256:{fingerprint(tmp_path)}" in str(caught.value)

        for trust in (Trust(ca_file=str(tmp_path / "camera.pem")), Trust(fingerprint=fingerprint(tmp_path))):
            assert next(open_mjpeg(server.url, TIMEOUT_S, trust).pictures)


def test_the_environment_may_name_a_certificate_too(tmp_path, monkeypatch):
    with MjpegServer(tls=server_tls(tmp_path)) as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "camera.pem"))
        assert next(open_mjpeg(server.url, TIMEOUT_S).pictures)


def test_a_certificate_for_another_name_says_so_and_can_be_pinned(tmp_path):
    with MjpegServer(tls=server_tls(tmp_path, "DNS:camera.lan")) as server:
        by_file = Trust(ca_file=str(tmp_path / "camera.pem"))
        with pytest.raises(Unavailable, match="certificate is for another name; use the name that it has"):
            open_mjpeg(server.url, TIMEOUT_S, by_file)
        assert next(open_mjpeg(server.url, TIMEOUT_S, Trust(fingerprint=fingerprint(tmp_path))).pictures)


def test_an_expired_certificate_says_so_and_can_be_pinned(tmp_path):
    with MjpegServer(tls=expired(tmp_path)) as server:
        for trust in (ANY_AUTHORITY, Trust(ca_file=str(tmp_path / "camera.pem"))):
            with pytest.raises(
                Unavailable, match="certificate expired on 2021-02-28; renew it in the camera"
            ):
                open_mjpeg(server.url, TIMEOUT_S, trust)
        assert next(open_mjpeg(server.url, TIMEOUT_S, Trust(fingerprint=fingerprint(tmp_path))).pictures)


def test_another_certificate_than_the_pinned_one_gets_no_request(tmp_path):
    with MjpegServer(tls=server_tls(tmp_path)) as server:
        with pytest.raises(Unavailable) as caught:
            open_mjpeg(server.url.replace("//", "//a:secret@"), TIMEOUT_S, Trust(fingerprint="0" * 64))
        assert server.connections == 0

    text = str(caught.value)
    assert "https://a:***@127.0.0.1" in text
    assert f"has another certificate than the pinned one: sha256:{fingerprint(tmp_path)}" in text


@pytest.mark.parametrize(
    "text",
    [
        "sha256:" + "ab" * 32,
        "SHA256:" + "AB" * 32,
        "AB:" * 31 + "AB",
        "sha256 Fingerprint=" + "AB:" * 31 + "AB",
        " " + "ab" * 32,
    ],
)
def test_a_fingerprint_may_be_written_as_others_write_it(text):
    assert parse_fingerprint(text) == "ab" * 32


@pytest.mark.parametrize("text", ["", "sha256:", "ab" * 20, "sha1:" + "ab" * 20, "zz" * 32, "ab" * 33])
def test_what_is_no_fingerprint_is_refused(text):
    with pytest.raises(UsageError, match="not a SHA-256 fingerprint; write sha256: and 64"):
        parse_fingerprint(text)


@pytest.mark.parametrize("content", [b"", b"text", b"-----BEGIN CERTIFICATE-----\nAA", bytes(500)])
def test_a_file_without_a_certificate_is_refused_at_the_start(tmp_path, content):
    (tmp_path / "none.pem").write_bytes(content)
    with pytest.raises(BadConfiguration, match="holds no certificate; name one in PEM or DER"):
        trust_of(str(tmp_path / "none.pem"), None)


def test_a_file_of_a_camera_may_be_in_der(tmp_path):
    with MjpegServer(tls=server_tls(tmp_path)) as server:
        der = tmp_path / "camera.cer"
        der.write_bytes(ssl.PEM_cert_to_DER_cert((tmp_path / "camera.pem").read_text()))
        assert next(open_mjpeg(server.url, TIMEOUT_S, trust_of(str(der), None)).pictures)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(MissingInput):
        trust_of(str(tmp_path / "none.pem"), None)
    made = certificate(tmp_path)
    assert trust_of(str(made.pem), None) == Trust(ca_file=str(made.pem))
    assert trust_of(None, None) == ANY_AUTHORITY


def test_the_fingerprint_is_that_of_openssl(tmp_path):
    made = certificate(tmp_path)
    command = ["openssl", "x509", "-in", made.pem, "-noout", "-fingerprint", "-sha256"]
    shown = subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()

    assert parse_fingerprint(shown) == fingerprint(tmp_path)
