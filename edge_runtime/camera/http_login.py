"""The answer to a web server that asks who we are: Basic (RFC 7617) and Digest (RFC 7616) authentication."""

import hashlib
import os
import re
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

_HASHES = {"MD5": "md5", "SHA-256": "sha256"}
_DIGEST = re.compile(r"\bdigest\s+(.*)", re.IGNORECASE | re.DOTALL)
_BASIC = re.compile(r"\bbasic\b", re.IGNORECASE)
_PARAMETER = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')


@dataclass(frozen=True)
class Login:
    """A user and a password."""

    user: str
    password: str

    @classmethod
    def of(cls, url: str) -> "Login | None":
        """What stands before the host of an address, if anything does."""
        text, at, _ = urlsplit(url).netloc.rpartition("@")
        user, _, password = text.partition(":")
        return cls(unquote(user), unquote(password)) if at else None


def authorization(challenges: Iterable[str], login: Login, target: str, nonce: str = "") -> str | None:
    """The value of the `Authorization` header for a GET of `target`; None where no challenge is understood.

    Args:
        challenges: the values of the server's `WWW-Authenticate` headers. Its first Digest that we know is
            taken, and Basic, which sends the password itself, only where there is none.
        login: who we are.
        target: the path and query that are asked for.
        nonce: a random text of our own, made here where it is empty.
    """
    challenges = list(challenges)
    for challenge in challenges:
        digest = _DIGEST.search(challenge)
        answer = _digest(digest[1], login, target, nonce or os.urandom(16).hex()) if digest else None
        if answer:
            return answer
    if any(_BASIC.search(challenge) for challenge in challenges):
        return "Basic " + b64encode(f"{login.user}:{login.password}".encode()).decode()
    return None


def _digest(challenge: str, login: Login, target: str, own_nonce: str) -> str | None:
    asked: dict[str, str] = {}
    for name, quoted, plain in _PARAMETER.findall(challenge):
        asked.setdefault(name.lower(), quoted or plain)  # another challenge may follow in the same header
    algorithm = asked.get("algorithm", "MD5")
    base, per_session, _ = algorithm.upper().partition("-SESS")
    if base not in _HASHES or "nonce" not in asked:
        return None
    realm, nonce = asked.get("realm", ""), asked["nonce"]
    secret = _hash(base, f"{login.user}:{realm}:{login.password}")
    if per_session:
        secret = _hash(base, f"{secret}:{nonce}:{own_nonce}")
    request = _hash(base, f"GET:{target}")
    answer = {"username": login.user, "realm": realm, "nonce": nonce, "uri": target}
    if "opaque" in asked:
        answer["opaque"] = asked["opaque"]
    bare = f"algorithm={algorithm}"
    if "auth" in re.split(r"[\s,]+", asked.get("qop", "")):
        answer["cnonce"] = own_nonce
        bare += ", qop=auth, nc=00000001"
        answer["response"] = _hash(base, f"{secret}:{nonce}:00000001:{own_nonce}:auth:{request}")
    else:
        answer["response"] = _hash(base, f"{secret}:{nonce}:{request}")
    return "Digest " + ", ".join(f'{name}="{value}"' for name, value in answer.items()) + ", " + bare


def _hash(algorithm: str, text: str) -> str:
    return hashlib.new(_HASHES[algorithm], text.encode(), usedforsecurity=False).hexdigest()
