"""Certificates for the tests, made by openssl: of a camera, for any name, in any time."""

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Certificate:
    """A certificate that nobody vouches for, as many cameras have, and its key."""

    pem: Path
    key: Path


def certificate(folder: Path, name: str = "IP:127.0.0.1") -> Certificate:
    """Makes one that is good for a day."""
    pem, key = folder / "camera.pem", folder / "key.pem"
    subject = ["-subj", "/CN=camera", "-addext", f"subjectAltName={name}", "-days", "1"]
    files = ["-keyout", key, "-out", pem]
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command = ["openssl", "req", "-x509", *new, *subject, *files]
    try:
        subprocess.run(command, capture_output=True, check=True)
    except FileNotFoundError:
        pytest.skip("needs openssl to make a certificate")
    return Certificate(pem, key)


def server_tls(folder: Path, name: str = "IP:127.0.0.1") -> ssl.SSLContext:
    """What a server needs for TLS with a certificate of its own, which stands in `folder` as camera.pem."""
    made = certificate(folder, name)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(made.pem, made.key)
    return tls


def expired(folder: Path) -> ssl.SSLContext:
    """As `server_tls`, with a certificate of the first two months of 2021."""
    made = certificate(folder)
    request = folder / "request.pem"
    (folder / "index.txt").touch()
    (folder / "openssl.cnf").write_text(
        f"[ca]\ndefault_ca=a\n[a]\ndatabase={folder}/index.txt\nnew_certs_dir={folder}\nrand_serial=yes\n"
        "policy=p\ndefault_md=sha256\nx509_extensions=x\n[p]\ncommonName=supplied\n"
        "[x]\nsubjectAltName=IP:127.0.0.1\n"
    )
    files = ["-keyfile", made.key, "-in", request, "-out", made.pem, "-notext"]
    times = ["-startdate", "20210101000000Z", "-enddate", "20210228000000Z"]
    for command in (
        ["openssl", "req", "-new", "-key", made.key, "-subj", "/CN=camera", "-out", request],
        ["openssl", "ca", "-batch", "-selfsign", "-config", folder / "openssl.cnf", *files, *times],
    ):
        subprocess.run(command, capture_output=True, check=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(made.pem, made.key)
    return tls
