"""TLS of network cameras: whom to trust, and in words why a camera's certificate is not trusted.

Hardly a camera has a certificate that an authority vouches for. Its own one can be trusted by its file, or by
its fingerprint: a pin, which compares the certificate itself, whatever its names, dates and signatures.
"""

import hashlib
import re
import socket
import ssl
import time
from pathlib import Path

from ....errors import BadConfiguration, Unavailable, UsageError
from ..capture_process import Trust

_FINGERPRINT = re.compile(
    r"(?:sha-?256(?: fingerprint)?\s*[:=]\s*)?((?:[0-9a-f]{2}[: ]?){31}[0-9a-f]{2})", re.IGNORECASE
)
_TIME = rb"(?:\x17\x0d|\x18\x0f)(\d{10,12})\d\dZ"  # UTCTime or GeneralizedTime, in DER
_VALIDITY = re.compile(rb"\x30." + _TIME + _TIME, re.DOTALL)
_FETCH_S = 5.0
_NOT_YET_VALID, _WRONG_NAME, _WRONG_ADDRESS = 9, 62, 64
"""X509_V_ERR_*, from OpenSSL's x509_vfy.h."""
_OLD_TLS = ("UNSUPPORTED_PROTOCOL", "ALERT_PROTOCOL_VERSION", "NO_PROTOCOLS", "WRONG_SSL_VERSION")
_WEAK = (
    "KEY_TOO_SMALL",
    "MD_TOO_WEAK",
    "DH_KEY_TOO_SMALL",
    "LEGACY",
    "NO_SHARED_CIPHER",
    "HANDSHAKE_FAILURE",
)


def trust_of(ca_file: str | None, fingerprint: str | None) -> Trust:
    """Returns whom to trust, as a user typed it.

    Raises:
        UsageError: not a fingerprint.
        MissingInput, PermissionRefused: the file cannot be read.
        BadConfiguration: the file holds no certificate.
    """
    if ca_file:
        read_certificates(ca_file)
    return Trust(ca_file or "", parse_fingerprint(fingerprint) if fingerprint else "")


def parse_fingerprint(text: str) -> str:
    """Returns the hexadecimal digits of a fingerprint as edgecls, openssl and browsers write it.

    >>> parse_fingerprint("sha256:" + "AB:" * 31 + "AB") == "ab" * 32
    True

    Raises:
        UsageError: not the SHA-256 of a certificate.
    """
    match = _FINGERPRINT.fullmatch(text.strip())
    if not match:
        raise UsageError(
            f"--tls-fingerprint {text}: not a SHA-256 fingerprint; write sha256: and 64 hexadecimal digits"
        )
    return re.sub("[: ]", "", match[1]).lower()


def wrapped(connection: socket.socket, host: str, trust: Trust) -> ssl.SSLSocket:
    """Returns an encrypted connection to a host whose certificate is trusted.

    Raises:
        Unavailable: its certificate is not the pinned one; the text lacks the URL.
        OSError: no encrypted connection, or the certificate is not trusted; see `why_no_tls`.
    """
    encrypted = _context(trust).wrap_socket(connection, server_hostname=host)
    if trust.fingerprint:
        given = _fingerprint(encrypted)
        if given != trust.fingerprint:
            encrypted.close()
            raise Unavailable(
                f"has another certificate than the pinned one: sha256:{given}; if the camera's certificate "
                f"was renewed, use --tls-fingerprint sha256:{given}"
            )
    return encrypted


def pinned_certificate(address: tuple[str, int], trust: Trust) -> bytes:
    """Returns the pinned certificate as the server gives it, in PEM.

    Raises:
        Unavailable: it gives another one; the text lacks the URL.
        OSError: it gives none.
    """
    with (
        socket.create_connection(address, _FETCH_S) as connection,
        wrapped(connection, address[0], trust) as encrypted,
    ):
        return ssl.DER_cert_to_PEM_cert(encrypted.getpeercert(binary_form=True) or b"").encode()


def why_no_tls(error: ssl.SSLError, address: tuple[str, int], timeout_s: float) -> str:
    """Returns why a handshake with `address` failed with `error`, and what to do.

    A certificate that is not trusted is fetched again, to name its fingerprint.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        return _why_not_trusted(error, _certificate(address, timeout_s))
    reason = error.reason or ""
    if any(name in reason for name in _OLD_TLS):
        return "only has a TLS version that is not safe; update the camera, or pin it by --tls-fingerprint"
    if any(name in reason for name in _WEAK):
        return "only has TLS with weak keys; update the camera, or pin it by --tls-fingerprint"
    return f"no encrypted connection: {reason.lower().replace('_', ' ') or error}; check scheme and port"


def speaks_tls(address: tuple[str, int], timeout_s: float) -> bool:
    """Whether a port answers a TLS handshake, with whatever certificate."""
    try:
        return bool(_certificate(address, timeout_s))
    except OSError:
        return False


def _context(trust: Trust) -> ssl.SSLContext:
    if not trust.fingerprint:
        context = ssl.create_default_context()
        if trust.ca_file:
            context.load_verify_locations(cadata=read_certificates(trust.ca_file))
            # It may be the camera's own certificate, which is no authority's and may lack extensions.
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context
    return _unverified()


def _unverified() -> ssl.SSLContext:
    """Accepts any certificate and any version of TLS, for a caller that compares the certificate itself."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context


def _fingerprint(connection: ssl.SSLSocket) -> str:
    return hashlib.sha256(connection.getpeercert(binary_form=True) or b"").hexdigest()


def _certificate(address: tuple[str, int], timeout_s: float) -> bytes:
    """Returns the certificate of a server, in DER, without trusting it."""
    with (
        socket.create_connection(address, timeout_s) as connection,
        _unverified().wrap_socket(connection, server_hostname=address[0]) as encrypted,
    ):
        return encrypted.getpeercert(binary_form=True) or b""


def _why_not_trusted(error: ssl.SSLCertVerificationError, certificate: bytes) -> str:
    pin = f"--tls-fingerprint sha256:{hashlib.sha256(certificate).hexdigest()}"
    begins, ends = _validity(certificate)
    has_name = error.verify_code not in (_WRONG_NAME, _WRONG_ADDRESS)
    if has_name and ends < time.strftime("%Y-%m-%d", time.gmtime()):  # of its own making or not
        return f"its certificate expired on {ends}; renew it in the camera, or pin it by {pin}"
    if error.verify_code == _NOT_YET_VALID:
        return f"its certificate is not valid before {begins}; set this computer's clock, or pin it by {pin}"
    if not has_name:
        return f"its certificate is for another name; use the name that it has, or pin it by {pin}"
    why = error.verify_message
    return f"certificate not trusted: {why}; if it is the camera's own, use --ca-file FILE or {pin}"


def _validity(certificate: bytes) -> tuple[str, str]:
    """Returns the first and last day of a certificate in DER, such as 2031-04-30."""
    found = _VALIDITY.search(certificate)
    return (_day(found[1]), _day(found[2])) if found else ("another day", "a day that cannot be read")


def _day(time: bytes) -> str:
    """Returns the day of a time without its seconds; by RFC 5280, a year of two digits is 1950 to 2049."""
    text = time.decode()
    if len(text) == len("YYMMDDhhmm"):
        text = ("19" if text[:2] >= "50" else "20") + text
    return f"{text[:4]}-{text[4:6]}-{text[6:8]}"


def read_certificates(path: str) -> str:
    """Reads the certificates of a file, and returns them as PEM; cameras export one as PEM or as DER.

    Raises:
        MissingInput, PermissionRefused: the file cannot be read.
        BadConfiguration: it holds no certificate.
    """
    from ....files import TEXT_BYTES, read_whole  # noqa: PLC0415 - a megabyte, which most capture processes do without

    content = read_whole(Path(path), TEXT_BYTES)
    try:
        text = (
            content.decode("ascii", "ignore")
            if b"-----BEGIN" in content
            else ssl.DER_cert_to_PEM_cert(content)
        )
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError) as error:
        raise BadConfiguration(
            f"--ca-file {path}: holds no certificate; name one in PEM or DER, as the camera exports it"
        ) from error
    return text
