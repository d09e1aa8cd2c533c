"""`edgecls sign`: says in a model file who made it, so that a device can insist on that."""

import sys
from collections.abc import Sequence
from pathlib import Path

import typer

from .. import edge_runtime
from ..edge_runtime.errors import UsageError
from ..edge_runtime.models.builtin import NAMES
from ..edge_runtime.models.signature import key_lists, own_key
from ..edge_runtime.text import printable, wrap_for
from .messages import note, show_next
from .model_options import complete_model_files, spare_blas_threads


def sign(
    models: list[Path] = typer.Argument(
        metavar="MODELS...",
        autocompletion=complete_model_files,
        help="Exported files, folders of them, or an .h5.",
        show_default=False,
    ),
    key: Path | None = typer.Option(
        None,
        dir_okay=False,
        help="File of the secret key; made where it is missing; default: signing.key among your settings.",
        show_default=False,
    ),
) -> None:
    """Sign model files with your key, so that devices that trust it can refuse all others.

    A device trusts the public keys in ~/.config/edgecls/trusted_keys and /etc/edgecls/trusted_keys, one on
    each line. It runs a file that one of them signed without a trial, and with --require-signed no other.

    Examples:
        edgecls sign image_classification_int8.tflite
        edgecls sign exported/ --key release.key
        edgecls camera --require-signed      # on the device
    """
    spare_blas_threads()
    paths = [path for named in models for path in _files(named)]
    for path in paths:
        edge_runtime.read_model(path)  # before a key is made for nothing
    signing, place, is_new = own_key(key)
    if is_new:
        note(f"made a key in {place}; whoever has it can sign for you: keep it, and keep it secret")
    for path in paths:
        edge_runtime.sign_file(path, signing)
        print(wrap_for(sys.stdout, f"{printable(str(path))}: signed by {signing.public}"))
    keys = key_lists()[-1]
    trust = f"echo '{signing.public} {place.stem}' | sudo tee -a {keys}"
    show_next(f"sudo mkdir -p {keys.parent} && {trust}", "on the device")


def _files(named: Path) -> Sequence[Path]:
    if named.is_dir():
        return edge_runtime.model_files([named])
    if str(named) in NAMES and not named.exists():
        raise UsageError(
            f"{named}: comes with edgecls, which needs no signature of yours; name files of your own"
        )
    return [named]
