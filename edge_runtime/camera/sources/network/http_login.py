"""HTTP login: Basic (RFC 7617) and Digest (RFC 7616) authentication, which RTSP uses as well."""

import hashlib
import os
import re
import string
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urlsplit

_HASHES = {"MD5": "md5", "SHA-256": "sha256"}
_DIGEST = re.compile(r"\bdigest\s+(.*)", re.IGNORECASE | re.DOTALL)
_BASIC = re.compile(r"\bbasic\b", re.IGNORECASE)
_PARAMETER = re.compile(r'([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')
_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True)
class Credentials:
    """A user and a password."""

    user: str
    password: str = field(repr=False)

    @classmethod
    def of(cls, url: str) -> "Credentials | None":
        """Returns the user and password in a URL; None if it has none."""
        text, at, _ = urlsplit(url).netloc.rpartition("@")
        user, _, password = text.partition(":")
        return cls(unquote(user), unquote(password)) if at else None


@dataclass(frozen=True)
class _Challenge:
    """A Digest challenge that can be answered."""

    algorithm: str
    """As the server spelled it; empty where it named none, which means MD5."""
    realm: str
    nonce: str
    opaque: str | None
    qop: str
    """auth, auth-int, or empty for servers of before RFC 2617."""
    is_stale: bool
    """The password was right, and only the nonce is too old."""
    hides_user: bool

    @classmethod
    def parse(cls, text: str) -> "_Challenge | None":
        """Parses what follows the word Digest; None if the algorithm is not supported."""
        asked: dict[str, str] = {}
        for name, quoted, plain in _PARAMETER.findall(text):
            # Another challenge may follow in the same header.
            asked.setdefault(name.lower(), _ESCAPED.sub(r"\1", quoted) or plain)
        algorithm = asked.get("algorithm", "")
        if "nonce" not in asked or (algorithm or "MD5").upper().removesuffix("-SESS") not in _HASHES:
            return None
        offered = re.split(r"[\s,]+", asked.get("qop", "").lower())
        return cls(
            algorithm,
            asked.get("realm", ""),
            asked["nonce"],
            asked.get("opaque"),
            next((qop for qop in ("auth", "auth-int") if qop in offered), ""),
            asked.get("stale", "").lower() == "true",
            asked.get("userhash", "").lower() == "true",
        )

    def answer(self, login: Credentials, method: str, target: str, client_nonce: str, count: int) -> str:
        """Returns the value of an `Authorization` header."""
        base, per_session, _ = (self.algorithm or "MD5").upper().partition("-SESS")
        secret = _hash(base, f"{login.user}:{self.realm}:{login.password}")
        if per_session:
            secret = _hash(base, f"{secret}:{self.nonce}:{client_nonce}")
        request = f"{method}:{target}" + (f":{_hash(base, '')}" if self.qop == "auth-int" else "")
        user = _hash(base, f"{login.user}:{self.realm}") if self.hides_user else login.user
        quoted = {"username": user, "realm": self.realm, "nonce": self.nonce, "uri": target}
        plain = {"algorithm": self.algorithm} if self.algorithm else {}
        if self.opaque is not None:
            quoted["opaque"] = self.opaque
        if self.qop or per_session:
            quoted["cnonce"] = client_nonce
        if self.hides_user:
            plain["userhash"] = "true"
        proof = f"{secret}:{self.nonce}:"
        if self.qop:
            plain |= {"qop": self.qop, "nc": f"{count:08x}"}
            proof += f"{count:08x}:{client_nonce}:{self.qop}:"
        quoted["response"] = _hash(base, proof + _hash(base, request))
        texts = [f'{name}="{_quoted(value)}"' for name, value in quoted.items()]
        return "Digest " + ", ".join(texts + [f"{name}={value}" for name, value in plain.items()])


class Login:
    """Logs in to one server: answers its challenge, and the following requests without a new one."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._challenge: _Challenge | None = None
        self._is_basic = False
        self._client_nonce = ""
        self._count = 0

    def challenge(self, challenges: Iterable[str], client_nonce: str = "") -> bool:
        """Takes the server's `WWW-Authenticate` headers; returns whether one of them is supported.

        The first supported Digest is answered; Basic, which sends the password itself, only if there is none.
        """
        challenges = list(challenges)
        found = [_Challenge.parse(match[1]) for text in challenges if (match := _DIGEST.search(text))]
        self._challenge = next((challenge for challenge in found if challenge), None)
        self._is_basic = not self._challenge and any(_BASIC.search(text) for text in challenges)
        self._client_nonce, self._count = client_nonce or os.urandom(16).hex(), 0
        return self._challenge is not None or self._is_basic

    @property
    def is_stale(self) -> bool:
        """Whether the last challenge came for its age only, and not for a wrong password."""
        return self._challenge is not None and self._challenge.is_stale

    def header(self, target: str, method: str = "GET") -> str | None:
        """Returns the `Authorization` header of the next request; None before the first challenge.

        Args:
            target: path and query of the request; for RTSP the URL.
            method: of the request.
        """
        if self._challenge:
            self._count += 1
            return self._challenge.answer(self._credentials, method, target, self._client_nonce, self._count)
        if self._is_basic:
            login = f"{self._credentials.user}:{self._credentials.password}"
            return "Basic " + b64encode(login.encode()).decode()
        return None


def authorization(
    challenges: Iterable[str], login: Credentials, target: str, client_nonce: str = ""
) -> str | None:
    """Returns the `Authorization` header for a GET of `target`; None if no challenge is supported."""
    answering = Login(login)
    return answering.header(target) if answering.challenge(challenges, client_nonce) else None


def target_of(url: str) -> str:
    """Returns path and query of a URL, as they are sent."""
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return quote(target, safe=string.punctuation)


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _hash(algorithm: str, text: str) -> str:
    return hashlib.new(_HASHES[algorithm], text.encode(), usedforsecurity=False).hexdigest()
