"""Signature: says who made a model file, where the seal says only that it is whole.

It is text inside the file, like the seal: `edgecls-ed25519:`, the public key and the Ed25519 signature (RFC
8032), both in base64. It covers every byte of the file but itself and the seal, and where these two stand.
Old versions of edgecls read a signed file as any other.

    suffix     place
    .tflite    in the gap between the FlatBuffer and the zip, before the seal
    .onnx      an entry of `metadata_props`, before that of the seal
    .h5        behind the end of HDF5's address space, before the seal

Whom to trust is said by the files of `trusted_keys`: a public key on each line, and behind it what it is.
"""

import base64
import binascii
import hashlib
import os
import stat
import struct
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from ..errors import BadConfiguration, BadData, BadModel, MissingInput, Unavailable, reading_failed
from ..files import TEXT_BYTES, read_whole, write_whole
from ..user_folders import settings_folder
from .model_file import ModelFile, with_room
from .seal import SEAL_BYTES, resealed, seal_start

_PREFIX = b"edgecls-ed25519:"
_KEY_CHARACTERS, _SIGNATURE_CHARACTERS = 44, 88
_ROOM = len(_PREFIX) + _KEY_CHARACTERS + 1 + _SIGNATURE_CHARACTERS
_DOMAIN = b"edgecls model file, signature 1\0"
"""A signature under anything else that the key ever signs is none under a model file."""
_EVERYONES_KEYS = Path("/etc/edgecls/trusted_keys")
_MOST_BYTES = 1 << 20
Standing = Literal["none", "unchecked", "wrong", "of another key", "trusted"]
"""None is there; it cannot be checked; the file was changed since; its key is not, or is, a trusted one."""


def signer(content: bytes) -> str | None:
    """Returns the public key that a file claims to be signed by, whether it is or not; None: by none."""
    parts = _parts(content)
    return parts and parts[0]


def is_trusted(content: bytes) -> bool:
    """Whether a file is signed by a key that the user trusts; False too where PyNaCl is not installed.

    Raises:
        BadConfiguration: a list of trusted keys that others can write.
    """
    return standing(content) == "trusted"


def standing(content: bytes) -> Standing:
    """Returns what a file's signature is worth on this machine; "unchecked" where PyNaCl is not installed.

    Raises:
        BadConfiguration: a list of trusted keys that others can write, or a line of it that is no key.
    """
    parts = _parts(content)
    if parts is None:
        return "none"
    try:
        holds = _holds(content, *parts)
    except Unavailable:
        return "unchecked"
    if not holds:
        return "wrong"
    return "trusted" if parts[0] in trusted_keys() else "of another key"


def check_signed(model: ModelFile) -> None:
    """Refuses a file that is not signed by a key that the user trusts.

    Raises:
        BadModel: it is not.
        BadConfiguration: a list of trusted keys that others can write.
        Unavailable: PyNaCl is not installed.
    """
    found = standing(model.content)
    if found == "none":
        raise BadModel(f"{model.path}: not signed; sign it with `edgecls sign` where it was exported")
    if found == "of another key":
        raise BadModel(
            f"{model.path}: signed by {signer(model.content)}, which is not among the trusted keys; if you "
            f"know whose it is, add it to {' or '.join(map(str, key_lists()))}"
        )
    if found == "wrong":
        raise BadModel(f"{model.path}: its signature is wrong: it was changed since; copy it again")
    if found == "unchecked":
        _nacl()  # says what to install


def trusted_keys() -> frozenset[str]:
    """Returns the public keys that the user and the administrator of this machine trust.

    Raises:
        BadConfiguration: a list that others can write, or a line of it that is no key.
        PermissionRefused, ReadFailed: a list that cannot be read.
    """
    return frozenset(key for path in key_lists() for key in _keys_in(path))


def key_lists() -> list[Path]:
    """Returns where trusted keys are listed, whether the files are there or not: the user's comes first."""
    folder = settings_folder()
    return [*([folder / "trusted_keys"] if folder else []), _EVERYONES_KEYS]


def _keys_in(path: Path) -> Iterator[str]:
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            text = file.read(_MOST_BYTES).decode(errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise reading_failed(path, error) from error
    if hasattr(os, "geteuid") and (
        status.st_uid not in (0, os.geteuid()) or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    ):
        raise BadConfiguration(f"{path}: others can write it; run `chown $USER {path}; chmod go-w {path}`")
    for number, line in enumerate(text.splitlines(), 1):
        key = line.strip().partition(" ")[0]
        if key and not key.startswith("#"):
            if not _is_key(key):
                raise BadConfiguration(
                    f"{path}: line {number} begins with no public key; write it as `edgecls sign` shows it"
                )
            yield key


def _is_key(text: str) -> bool:
    with suppress(ValueError):
        return len(text) == _KEY_CHARACTERS and len(base64.b64decode(text, validate=True)) == 32
    return False


def _parts(content: bytes) -> tuple[str, bytes] | None:
    """The key and the signature in a file; None where there are none, or they are no base64."""
    start = content.rfind(_PREFIX)
    text = content[start + len(_PREFIX) : start + _ROOM]
    if start < 0 or len(text) != _ROOM - len(_PREFIX) or text[_KEY_CHARACTERS : _KEY_CHARACTERS + 1] != b":":
        return None
    with suppress(ValueError):
        key, signature = text[:_KEY_CHARACTERS].decode("ascii"), text[_KEY_CHARACTERS + 1 :]
        if _is_key(key):
            return key, base64.b64decode(signature, validate=True)
    return None


def _message(content: bytes) -> bytes:
    """What is signed: all bytes but the signature and the seal, and where these stand."""
    places = sorted([(content.rfind(_PREFIX), _ROOM), (seal_start(content), SEAL_BYTES)])
    digest, at = hashlib.sha256(), 0
    for start, size in places:
        digest.update(content[at:start])
        at = start + size
    digest.update(content[at:])
    starts = struct.pack(">QQ", *(start for start, _ in places))
    return _DOMAIN + starts + digest.digest()


def _holds(content: bytes, key: str, signature: bytes) -> bool:
    nacl = _nacl()
    try:
        nacl.VerifyKey(base64.b64decode(key)).verify(_message(content), signature)
    except (nacl.exc.CryptoError, ValueError, TypeError):
        return False
    return True


def _nacl() -> Any:
    try:
        signing: Any = import_module("nacl.signing")  # a device that trusts nobody does without
    except ImportError as error:
        raise Unavailable("signatures need PyNaCl; run `pip install pynacl`") from error
    return signing


# Signing, which is done where files are exported.


class SigningKey:
    """A secret key, and the public key that belongs to it."""

    def __init__(self, seed: bytes) -> None:
        self._key: Any = _nacl().SigningKey(seed)

    @property
    def public(self) -> str:
        """As `trusted_keys` lists it."""
        return base64.b64encode(bytes(self._key.verify_key)).decode()

    def sign(self, model: ModelFile) -> bytes:
        """Returns the bytes of a sealed model file with a signature, which replaces one that was there."""
        content = model.content
        if signer(content) is None:
            content = with_room(content, model.format, _PREFIX + bytes(_ROOM - len(_PREFIX)))
        at = content.rfind(_PREFIX) + len(_PREFIX)
        signature = base64.b64encode(self._key.sign(_message(content)).signature)
        text = self.public.encode() + b":" + signature
        return resealed(content[:at] + text + content[at + len(text) :])


def own_key(path: Path | None) -> tuple[SigningKey, Path, bool]:
    """Reads a secret key, or makes one where there is none.

    Args:
        path: of the key; None: `signing.key` in the user's settings.

    Returns:
        The key, its file, and whether it is new.

    Raises:
        BadConfiguration: no home folder to keep a key in, or others can read it.
        BadData: the file holds something else.
        MissingInput: no folder for a named file.
        OutputFailed, PermissionRefused, ReadFailed: it cannot be read or written.
        Unavailable: PyNaCl is not installed.
    """
    if path is None:
        folder = settings_folder()
        if folder is None:
            raise BadConfiguration("no home folder to keep a signing key in; name a file with --key")
        path = folder / "signing.key"
    elif not path.parent.is_dir():
        raise MissingInput(f"{path.parent}: no such folder for a signing key; check the name")
    is_new = not path.exists()
    if not is_new and hasattr(os, "geteuid") and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise BadConfiguration(f"{path}: others can read this secret key; run `chmod go= {path}`")
    if is_new:
        _nacl()
        write_whole(path, base64.b64encode(os.urandom(32)) + b"\n", is_private=True)
    try:
        seed = base64.b64decode(read_whole(path, TEXT_BYTES).strip(), validate=True)
        if len(seed) != 32:
            raise ValueError(f"{len(seed)} bytes")
    except (ValueError, binascii.Error) as error:
        raise BadData(f"{path}: not a signing key: {error}; name another file with --key") from error
    return SigningKey(seed), path, is_new
