"""Masking: what may be shown of a camera's address, and of a text that may hold one.

Cameras take passwords in more places than a URL has for them: in a query under any name, in the path
(`/user=admin_password=xyz_channel=1_stream=0.sdp`), unescaped with `/`, `?`, `#` or `@` in them. So this goes
by structure: host, port, plain segments of a path and a few queries known to be harmless are shown, and `***`
stands for everything else. A text that is masked already stays as it is.
"""

import json
import os
import re
import sys
import threading
from contextlib import suppress
from types import TracebackType
from urllib.parse import unquote

HIDDEN = "***"
SECRET_VARIABLES = (
    "EDGECLS_SOURCE",
    "EDGECLS_TOKEN",
    "EDGECLS_ON",
    "EDGECLS_WEBHOOK_SECRET",
    "EDGECLS_MQTT",
    "EDGECLS_MQTT_PASSWORD",
)
"""Of the environment: what a camera needs, and its child processes must not know."""

_URL = re.compile(
    r"(?:[a-z][a-z0-9+.-]+:(?=[/\\])|(?:(?:rtsp|rtmp|http|srt|ws|mms)s?|ftp|tcp|udp)(?=[/\\]{2}))[/\\]+"
    r"(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
"""Also with one slash, backslashes, or without the colon, as people mistype it. Not a Windows drive."""
_IPV6 = r"\[[0-9a-f:.]+(?:%[\w.-]+)?\]"
_PORT = r"(?::\d{1,5})?"
_HOST_AND_PORT = re.compile(rf"(?:{_IPV6}|[\w.-]*){_PORT}", re.IGNORECASE)
_IP_AND_PORT = re.compile(rf"(?:{_IPV6}|\d{{1,3}}(?:\.\d{{1,3}}){{3}}){_PORT}", re.IGNORECASE)
_USER = re.compile(r"[\w.-]{1,32}")
_PLAIN_SEGMENT = re.compile(r"[\w.~, +()'\"-]*")
_LOGIN_SEGMENT = re.compile(r"(?:admin|root|user(?:name)?|usr|login)", re.IGNORECASE)
_SECRET_IN_SEGMENT = re.compile(
    r"(?:.*[_,-])?(?:pw|key|auth|sid|admin|root|usr|user|username|login)[_,=:-].+", re.IGNORECASE
)
_PLAIN_VALUE = re.compile(r"[\w., -]{0,32}")
_SECRET_WORD = re.compile(r"pass(?:word|wd)?|pwd|psw|token|secret|credentials?", re.IGNORECASE)
_SECRET_KEY = re.compile(
    r"[\w.-]{0,12}(?:pass|pas|pwd|psw|token|key|secret|auth|sig|signature|code|session|sid)[\w.-]{0,12}|pw|p",
    re.IGNORECASE,
)
# fmt: off
_HARMLESS_KEYS = frozenset(
    (
        "action", "app", "audio", "camera", "camid", "cameraid", "ch", "chan", "channel", "channelid", "cmd",
        "codec", "color", "compression", "date", "delay", "dummy", "fmt", "format", "fps", "framerate", "h",
        "height", "id", "input", "lang", "loginuse", "mode", "overview", "profile", "proto", "protocol",
        "quality", "rate", "res", "resolution", "rotation", "size", "source", "speed", "src", "stream",
        "streamid", "streamprofile", "streamtype", "stream_type", "subtype", "subtypeid", "text", "time",
        "track", "transport", "type", "unicast", "user", "username", "usr", "video", "videocodec", "w",
        "width",
    )
)
# fmt: on
"""Of queries, in small letters: their values are shown where they are short and plain."""


def masked(url: str) -> str:
    """Returns a URL, or what was meant as one, without its password and other secrets.

    >>> masked("rtsp://admin:12345@10.0.0.7/live?token=abc&channel=1")
    'rtsp://admin:***@10.0.0.7/live?token=***&channel=1'
    >>> masked("rtsp://10.0.0.7/user=admin_password=12345_channel=1_stream=0.sdp")
    'rtsp://10.0.0.7/***'
    >>> masked("rtsp://admin:a/b?c#d@10.0.0.7/live")
    'rtsp://admin:***@10.0.0.7/live'
    """
    rest = _bare(url)
    start = ""
    if match := _URL.fullmatch(rest):
        start, rest = rest.removesuffix(match["rest"]), match["rest"]
    login, rest = _split_login(rest)
    host, rest = re.fullmatch(r"([^/\\?#]*)(.*)", rest, re.DOTALL).groups()  # pyright: ignore[reportOptionalMemberAccess]
    if host != HIDDEN and not (_HOST_AND_PORT.fullmatch(host) and (host or not login)):
        return start + HIDDEN
    path, mark, query = rest.partition("#")[0].partition("?")
    return f"{start}{login}{host}{_masked_path(path)}{mark}{_masked_query(query)}"


def _bare(text: str) -> str:
    """A text without the blanks and quotes before it, and the blanks after it."""
    return text.strip().lstrip("\"'`<(").strip()


def _split_login(text: str) -> tuple[str, str]:
    """The masked login with its `@`, and what follows it.

    The last `@` counts, as a password may hold others, and a slash before them; a path or a query with one is
    hidden with it, unless an IP address stands before them.
    """
    first = re.split(r"[/\\?#]", text, maxsplit=1)[0]
    if "@" not in text or _IP_AND_PORT.fullmatch(first):
        return "", text
    login, _, rest = text.rpartition("@")
    user, colon, password = login.partition(":")
    if not (colon and password and _USER.fullmatch(user)) or _is_token(user):
        return f"{HIDDEN}@", rest
    return f"{user}:{HIDDEN}@", rest


def _masked_path(path: str) -> str:
    shown: list[str] = []
    before = ""  # may say what a segment is: /password/12345, /admin/12345
    for part in re.split(r"([/\\])", path):
        if part in ("/", "\\", ""):
            shown.append(part)
            continue
        plain = unquote(unquote(part))
        is_named = _SECRET_KEY.fullmatch(before) or (_LOGIN_SEGMENT.fullmatch(before) and "." not in plain)
        holds_one = not _SECRET_WORD.fullmatch(plain) and _SECRET_WORD.search(
            plain
        )  # /user_admin_password_12345
        is_hidden = is_named or holds_one or _SECRET_IN_SEGMENT.fullmatch(plain) or _is_token(plain)
        shown.append(part if _PLAIN_SEGMENT.fullmatch(plain) and not is_hidden else HIDDEN)
        before = plain
    return "".join(shown)


def _masked_query(query: str) -> str:
    shown: list[str] = []
    for part in query.split("&") if query else []:
        key, equals, value = part.partition("=")
        plain = unquote(unquote(value))
        is_plain = _PLAIN_VALUE.fullmatch(plain) and not _is_token(plain)
        if equals and is_plain and key.lower() in _HARMLESS_KEYS:
            shown.append(part)
        elif equals and _SECRET_KEY.fullmatch(key):
            shown.append(f"{key}={HIDDEN}")
        elif shown[-1:] != [HIDDEN]:
            shown.append(HIDDEN)
    return "&".join(shown)


_TOKEN_LENGTH, _SEPARATORS = 12, 2
_CHUNKS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[^\W\d_]|\d+")
_WORD_LENGTH, _SHORT_WORD_LENGTH = 3.0, 2.2
"""Words and numbers in a name such as `h264Preview_01_main` are at least this long on average; in a random
text of letters and digits, letters and digits alternate more often. A short text needs more of it."""
_ABBREVIATIONS = re.compile(r"stream|rtsph?|rtp|http|mjpe?g|jpe?g|png|html?|xml|cgi|sdp", re.IGNORECASE)
_UNSPEAKABLE = re.compile(r"[bcdfghjklmnpqrstvwxz]{6}|[aeiou]{5}", re.IGNORECASE)


def _is_token(text: str) -> bool:
    """Whether a text looks random, as the secret addresses of some cameras do, rather than made of words."""
    letters = re.sub(r"[\W_]", "", text)
    if len(text) < _TOKEN_LENGTH or len(letters) < _TOKEN_LENGTH - _SEPARATORS:
        return bool(re.search(r"\d{10}", text))
    chunks = _CHUNKS.findall(text)
    is_hexadecimal = re.fullmatch(r"[0-9a-fA-F]+", letters) and re.search(r"\d", letters)
    is_mixed = len(letters) / max(1, len(chunks)) < (
        _WORD_LENGTH if len(letters) > 13 else _SHORT_WORD_LENGTH
    )
    return bool(is_hexadecimal or is_mixed or _UNSPEAKABLE.search(_ABBREVIATIONS.sub(" ", text)))


_NAMED_FILE = re.compile(
    r"(?:[^:?=&@]*/)?[^/?=&]*\.(?:jpe?g|jpe|jfif|png|bmp|webp|gif|tiff?|avif|heic|mpo|jp2|p[pgn]m|mp4|m4v|avi|mov"
    r"|mkv|webm|mjpe?g|ts|tflite|onnx|h5|hdf5|keras|zip|tar|t?gz|toml|jsonl?|csv|txt|log)",
    re.IGNORECASE,
)
_QUERY = re.compile(r"[\w)]\?[\w.-]+=")
"""A path with it is an address without its scheme: in a glob, hardly a name has a `=`."""
_NAMED_SECRET = re.compile(r"((?:pass|pas|pwd|psw|pw|token|secret)[\w-]{0,8}=)[^\s&,;)\"']+", re.IGNORECASE)


def is_url_like(text: str) -> bool:
    """Whether a text is a URL, or seems to be meant as one: without its colon or its scheme, in quotes."""
    bare = _bare(text)
    has_login = "@" in bare and (":" in bare or bare.startswith(("//", "\\\\")))
    return _URL.fullmatch(bare) is not None or (has_login and not _NAMED_FILE.fullmatch(text))


def shown_source(text: str) -> str:
    """Returns what may be shown of a text that was given as a source and may be a mistyped URL.

    A path is shown as it is; `***` stands for what is neither a path nor an address.
    """
    bare = _bare(text)
    if _URL.fullmatch(bare):
        return masked(text)
    if _NAMED_FILE.fullmatch(text) or re.fullmatch(r"[A-Za-z]:[\\/][^@?=&]*", text):
        return text
    if "@" in text or ":" in text or bare.startswith("//") or _QUERY.search(bare):
        return masked(bare)
    return _NAMED_SECRET.sub(rf"\1{HIDDEN}", text)


def shown_value(value: object) -> str:
    """Returns a configuration file's value for a message: a password may stand where it does not belong."""
    if isinstance(value, list | dict):
        return "[...]" if isinstance(value, list) else "{...}"
    return json.dumps(shown_source(value) if isinstance(value, str) else value, default=str)


def has_secret(text: str) -> bool:
    """Whether a source is something that must not be shown as it is, such as an address with a password."""
    return shown_source(text) != text


_IN_TEXT = re.compile(
    r"(?<![\w/])(?:[a-z][a-z0-9+.-]+:[/\\]|(?:rtsp|rtmp|http)s?[/\\]{2})[/\\]*[^\s/\\]\S*", re.IGNORECASE
)
_LOGIN_IN_TEXT = re.compile(r"(?<![\w.%+*-])[\w.%+-]+:[^\s:/\\]\S*@[^\s@]+")
_QUERY_IN_TEXT = re.compile(r"[\w.][^\s'\"?=]*[\w)]\?[\w.-]+=[^\s'\"]*")
_PLACEHOLDER = "user:password@"
_TRAILING = "\"'`:;,.!?)]>}"
_BLANK = re.compile(r"\s")
_LONG_WORD = re.compile(r"([\w.-]{0,40})\S{4096,}")
"""Longer than any path; the patterns above would take seconds to hours, as they try each of its places."""


def hide_secrets(text: str) -> str:
    """Returns a text with every address in it masked, for messages that repeat what somebody typed.

    >>> hide_secrets("no such option: rtsp://admin:12345@10.0.0.7/live; see --help")
    'no such option: rtsp://admin:***@10.0.0.7/live; see --help'
    """
    text = _LONG_WORD.sub(r"\1...", text)
    if not ("/" in text or "\\" in text or "@" in text or "=" in text):
        return text
    done: list[str] = []
    at = 0
    while match := _IN_TEXT.search(text, at):
        end = match.end()
        if _is_cut(match[0]) and "@" in text[end:]:  # its password has a blank in it
            end = text.rindex("@")
            blank = _BLANK.search(text, end)
            end = blank.start() if blank else len(text)
        done += [_NAMED_SECRET.sub(rf"\1{HIDDEN}", _without_logins(text[at : match.start()]))]
        done.append(_masked_word(text[match.start() : end]))
        at = end
    done.append(_NAMED_SECRET.sub(rf"\1{HIDDEN}", _without_logins(text[at:])))
    return "".join(done)


def _is_cut(url: str) -> bool:
    """Whether the first part of a URL is no host: a login whose `@` is missing."""
    return "@" not in url and masked(url).endswith(("/" + HIDDEN, "\\" + HIDDEN)) and not url.endswith(HIDDEN)


def _masked_word(word: str) -> str:
    url = word.rstrip(_TRAILING)
    trailing = word[len(url) :]
    return word if _PLACEHOLDER in url and url.count("@") == 1 else masked(url) + trailing


def _without_logins(text: str) -> str:
    for pattern in (_LOGIN_IN_TEXT, _QUERY_IN_TEXT):
        text = pattern.sub(lambda match: _masked_word(match[0]), text)
    return text


def child_environment() -> dict[str, str]:
    """Returns our environment for a child process, without the secrets that it has no use for."""
    return {name: value for name, value in os.environ.items() if name not in SECRET_VARIABLES}


def hide_in_tracebacks() -> None:
    """Masks addresses in the traceback of an error that ends this process, or one of its threads."""

    def show(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
        import traceback  # noqa: PLC0415 - for a bug alone; a capture process stays small

        lines = traceback.format_exception(kind, error, trace)
        with suppress(OSError, ValueError, AttributeError):  # stderr is closed, or there is none
            sys.stderr.write(hide_secrets("".join(lines)))

    sys.excepthook = show
    threading.excepthook = lambda ended: show(ended.exc_type, ended.exc_value, ended.exc_traceback)
