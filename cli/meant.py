"""What was meant: finds the place of a value, an option or a command that stands where it does not belong.

    edgecls train digits          did you mean --data digits?
    edgecls export q.tflite       did you mean `edgecls camera --model q.tflite`?
    edgecls camera --weights n    Did you mean '--model'?

A value is refused only where its kind is certain and not one that its place takes; see `kinds.py`.
"""

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ..edge_runtime.errors import EdgeclsError, MissingInput, UsageError
from ..edge_runtime.masking import has_secret, is_url_like, shown_source
from .kinds import ValueKind, kinds_of, names_file

_IMAGES = "images, folders of images or quoted globs", (ValueKind.PICTURE, ValueKind.PICTURE_FOLDER)
_EXPORTED = (
    "an exported model, or a name that `edgecls models` lists",
    (ValueKind.EXPORTED, ValueKind.BUILTIN, ValueKind.MODEL_FOLDER),
)
_ANY_MODEL = (
    "a model file, or a name that `edgecls models` lists",
    (ValueKind.EXPORTED, ValueKind.KERAS, ValueKind.BUILTIN, ValueKind.MODEL_FOLDER),
)
_REPORT = "a report in JSON", (ValueKind.REPORT,)
_TAKES: Mapping[str, tuple[str, tuple[ValueKind, ...]]] = {
    "predict images": _IMAGES,
    "predict source": _IMAGES,
    "source": (
        "a camera, the address of a stream, a video or images",
        (ValueKind.CAMERA, ValueKind.ADDRESS, ValueKind.VIDEO, ValueKind.PICTURE, ValueKind.PICTURE_FOLDER),
    ),
    "model": _EXPORTED,
    "models": _EXPORTED,
    "adopt model": ("a file made elsewhere", (ValueKind.EXPORTED, ValueKind.KERAS)),
    "export model": ("a Keras model, .h5 or .keras", (ValueKind.KERAS,)),
    "inspect model": _ANY_MODEL,
    "bench models": _ANY_MODEL,
    "data": (
        "class folders of pictures, an archive of them, cifar10 or digits",
        (
            ValueKind.DATA_NAME,
            ValueKind.ARCHIVE,
            ValueKind.PICTURE_FOLDER,
            ValueKind.MODEL_FOLDER,
        ),  # pictures may lie deeper
    ),
    "arch": ("a network of `edgecls train --list`", (ValueKind.NETWORK,)),
    "teacher": ("a Keras model, .h5", (ValueKind.KERAS,)),
    "labels": ("a text file with one label on each line", (ValueKind.REPORT,)),
    "calibration": ("a folder of pictures", (ValueKind.PICTURE_FOLDER,)),
    "config": ("a configuration file, .toml", (ValueKind.CONFIGURATION,)),
    "from_report": _REPORT,
    "against": _REPORT,
}
"""For a parameter, or a command and its parameter: what it takes, in words and as kinds."""
_PLACES = {
    ValueKind.EXPORTED: "camera --model",
    ValueKind.BUILTIN: "camera --model",
    ValueKind.MODEL_FOLDER: "camera --model",
    ValueKind.KERAS: "export",
    ValueKind.NETWORK: "train --arch",
    ValueKind.DATA_NAME: "train --data",
    ValueKind.ARCHIVE: "train --data",
    ValueKind.PICTURE_FOLDER: "train --data",
    ValueKind.PICTURE: "predict",
    ValueKind.VIDEO: "camera --source",
    ValueKind.CAMERA: "camera --source",
    ValueKind.ADDRESS: "camera --source",
    ValueKind.CONFIGURATION: "camera --config",
}
"""For a kind: the command that takes it, where the command that was typed does not."""
_OR_WATCH = ", or poll it with `edgecls camera --source URL`"
_NAMED = 2
"""Of unexpected arguments, so many are shown."""
_OF_A_MODEL = ("labels", "scale", "mean", "std", "channels", "crop", "resize_to", "imgsz")
_RARELY_MEANT = ("teacher", "calibration", "labels")
_FIRST_OPTION = {"train": "data", "sweep": "data", "camera": "source", "install": "name", "demo": "output"}
"""For a command without arguments: the option that a bare word most likely belongs to."""
_OPTION_SYNONYMS = {
    "batch": "batch_size",
    "camera": "source",
    "cam": "source",
    "dataset": "data",
    "device": "source",
    "img": "imgsz",
    "imgsize": "imgsz",
    "input": "source",
    "lr": "learning_rate",
    "out": "output",
    "threshold": "conf",
    "url": "source",
    "video": "source",
    "weights": "model",
}
"""What other tools call an option, and its name here."""
_COMMAND_SYNONYMS = {
    "classify": "predict",
    "convert": "export",
    "detect": "predict",
    "disable": "remove",
    "enable": "install",
    "fit": "train",
    "infer": "predict",
    "info": "inspect",
    "install": "service install",
    "list": "models",
    "remove": "service remove",
    "run": "camera",
    "start": "install",
    "status": "service status",
    "stop": "remove",
    "test": "verify",
    "uninstall": "remove",
    "val": "bench",
    "version": "--version",
    "watch": "camera",
    "webcam": "camera",
}
_LONG_DASHES = "\N{EN DASH}\N{EM DASH}"
"""What text editors and web pages make of `--`."""


def check_values(context: Any, values: Mapping[str, Any]) -> None:
    """Refuses a value that certainly belongs elsewhere, and says where.

    Args:
        context: of the command, parsed.
        values: its parameters by name.

    Raises:
        UsageError, MissingInput: a value is of another kind than its parameter takes.
    """
    for param in context.command.params:
        words, takes = _taken(context.command, param)
        for text in _texts(values.get(param.name), is_list=context.command.name == "sweep"):
            kinds = kinds_of(text) if takes else ()
            if kinds and not set(kinds) & set(takes):
                place = f"`{context.command_path}`" if _is_argument(param) else param.opts[0]
                raise _misplaced(context, text, kinds, takes, f"{place} takes {words}")


def unexpected(context: Any, extra: Sequence[str], args: Sequence[str]) -> str:
    """The message for words that a command has no argument for."""
    more = f" and {len(extra) - _NAMED:,} more" if len(extra) > _NAMED else ""
    shown = " ".join(shown_source(text) for text in extra[:_NAMED]) + more
    if pattern := _unquoted_glob(context.command, extra, args):
        return f"{shown}: unexpected argument; quote the glob: --source {pattern}"
    if meant := _quoted(extra, args) or _as_options(context.command, extra):
        return f"{shown}: unexpected argument; did you mean {meant}?"
    first = _FIRST_OPTION.get(context.command.name)
    meant = _suggestion(context, extra[0], kinds_of(extra[0]))
    if not meant and first:
        param = next(param for param in context.command.params if param.name == first)
        meant = _spelled(context, param, extra[0])
    return f"{shown}: unexpected argument" + (f"; did you mean {meant}?" if meant else "")


def unknown_option(context: Any, name: str, args: Sequence[str]) -> str:
    """The message for an option that a command does not have."""
    command, message = context.command, f"No such option: {name}"
    known = {_plain(option): option for param in _shown_params(command) for option in _long(param)}
    typed = next((word for word in args if word.startswith("-") and _plain(word) in known), "")
    bare = _plain(name)
    synonym = _plain(_OPTION_SYNONYMS.get(bare, ""))
    near = get_close_matches(bare, [each for each in known if each != "help"], n=1, cutoff=0.8)
    for found in (bare, _plain(typed) if _is_one_dash(typed) else "", synonym, *near):
        if found and found in known:
            return f"{message}. Did you mean '{known[found]}'?"
    if meant := _argument_behind(context, name, args):
        return f"{message}. Did you mean {meant}?"
    if owner := _owner(context, name):
        return f"{message} (an option of `{owner}`)"
    near = get_close_matches(bare, [each for each in known if each != "help"], n=1)
    return f"{message}. Did you mean '{known[near[0]]}'?" if near else message


def unknown_command(context: Any, name: str) -> str:
    """The message for a command that does not exist."""
    names, message = list(context.command.commands), f"No such command '{shown_source(name)}'"
    synonym = _COMMAND_SYNONYMS.get(name.lower(), "")
    near = get_close_matches(name.lower(), names, n=1)
    if synonym.split(" ")[0] in (*names, *(() if context.parent else ("--version",))):
        return f"{message}. Did you mean '{synonym}'?"
    if near:
        return f"{message}. Did you mean '{near[0]}'?"
    meant = _suggestion(context, name, kinds_of(name))
    return f"{message}. Did you mean {meant}?" if meant else message


def near_choice(value: str, choices: Iterable[str]) -> str:
    """What is added to the message for a value that is none of an option's; empty where none is like it."""
    choices, start = list(choices), value.lower()
    begun = [choice for choice in choices if len(start) > 1 and choice.startswith(start)]
    near = begun if len(begun) == 1 else get_close_matches(start, choices, n=1)
    return f"; did you mean '{near[0]}'?" if near else ""


# Values


def _misplaced(
    context: Any, text: str, kinds: Sequence[ValueKind], takes: Sequence[ValueKind], what_belongs: str
) -> EdgeclsError:
    missing = names_file(text)
    what = "no such file" if missing else kinds[0].value
    original = f"{text.rstrip('/')}.h5"
    if ValueKind.PICTURE_FOLDER in kinds and ValueKind.KERAS in takes and Path(original).is_file():
        place = what_belongs.partition(" takes ")[0].strip("`")  # the folder holds the plots of its training
        remedy = f"did you mean `{place} {_typed(original)}`?"
    elif ValueKind.MODEL_FOLDER in kinds and {ValueKind.EXPORTED, ValueKind.KERAS} & {*takes}:
        remedy = "name one file in it"
    elif ValueKind.DOWNLOAD in kinds:
        remedy = "download it first" + (_OR_WATCH if ValueKind.PICTURE in takes else "")
    elif meant := _suggestion(context, text, kinds):
        remedy = f"did you mean {meant}?"
    else:
        remedy = f"see `{context.command_path} --help`"
    kind = MissingInput if missing else UsageError
    return kind(f"{shown_source(text)}: {what}; {what_belongs}; {remedy}")


def _suggestion(context: Any, text: str, kinds: Sequence[ValueKind]) -> str:
    """Where a value belongs: an option or argument of the same command, else another command."""
    for kind in kinds:
        for param in getattr(context.command, "params", ()):
            if param.name not in _RARELY_MEANT and kind in _taken(context.command, param)[1]:
                return _spelled(context, param, text)
    places = (_PLACES[kind] for kind in kinds if kind in _PLACES)
    return next((f"`edgecls {place} {_typed(text)}{_of_its_model(context)}`" for place in places), "")


def _of_its_model(context: Any) -> str:
    """What was typed of a model made elsewhere, which the command that is meant takes as well."""
    given = ((name, context.params.get(name)) for name in _OF_A_MODEL)
    return "".join(f" --{name.replace('_', '-')} {_typed(str(value))}" for name, value in given if value)


def _spelled(context: Any, param: Any, text: str) -> str:
    if _is_argument(param):
        return f"`{context.command_path} {_typed(text)}`"
    return f"{param.opts[0]} {_typed(text)}"


def _typed(text: str) -> str:
    """A value as one types it; an address, which may hold a password, is not repeated."""
    return "URL" if is_url_like(text) or has_secret(text) else shlex.quote(text)


def _taken(command: Any, param: Any) -> tuple[str, tuple[ValueKind, ...]]:
    return _TAKES.get(f"{command.name} {param.name}") or _TAKES.get(param.name) or ("", ())


def _texts(value: Any, *, is_list: bool) -> Iterable[str]:
    if value is None or isinstance(value, bool | int | float):
        return
    if isinstance(value, list | tuple):
        yield from map(str, value)
    else:
        yield from str(value).split(",") if is_list and not Path(str(value)).exists() else [str(value)]


# Words and options


def _quoted(extra: Sequence[str], args: Sequence[str]) -> str:
    """A path with blanks that the shell took apart, whole and in quotes."""
    for start, first in enumerate(args):
        for end in range(start + 2, len(args) + 1):
            whole = " ".join(args[start:end])
            if not first.startswith("-") and args[end - 1] in extra and Path(whole).exists():
                return shlex.quote(whole)
    return ""


def _unquoted_glob(command: Any, extra: Sequence[str], args: Sequence[str]) -> str:
    """The glob, in quotes, that the shell has probably replaced by these files."""
    if not any(param.name == "source" and not param.multiple for param in command.params if param.opts):
        return ""
    first = args.index(extra[0])
    paths = [Path(text) for text in (*args[max(0, first - 1) : first], *extra)]
    files = [path for path in paths if path.is_file()]
    if len(files) < 2 or {*paths[1:]} - {*files} or len({path.parent for path in files}) > 1:
        return ""
    suffixes = {path.suffix for path in files}
    return shlex.quote(str(files[0].parent / f"*{suffixes.pop() if len(suffixes) == 1 else ''}"))


def _as_options(command: Any, extra: Sequence[str]) -> str:
    """`data=digits` as `--data digits`, and an option behind a dash that a text editor made long."""
    known = {_plain(option): option for param in _shown_params(command) for option in _long(param)}
    meant = []
    for word in extra:
        name, equals, value = word.partition("=")
        if (equals or word[0] in _LONG_DASHES) and _plain(name) in known:
            meant.append(f"{known[_plain(name)]} {_typed(value) if equals else ''}".rstrip())
    return " ".join(meant)


def _argument_behind(context: Any, name: str, args: Sequence[str]) -> str:
    """Where the value behind an unknown option belongs in the same command."""
    place = next((at for at, word in enumerate(args) if word.split("=")[0] == name), len(args))
    value = args[place].partition("=")[2] if place < len(args) and "=" in args[place] else ""
    value = value or next(iter(args[place + 1 :]), "")
    if not value or value.startswith("-") or value.isdecimal():
        return ""
    kinds = kinds_of(value)
    here = [
        param
        for param in context.command.params
        if param.name not in _RARELY_MEANT and set(kinds) & set(_taken(context.command, param)[1])
    ]
    return _spelled(context, here[0], value) if here else ""


def _owner(context: Any, name: str) -> str:
    """The command that has an option."""
    commands = getattr(context.find_root().command, "commands", {})
    for each in commands:
        if any(name in param.opts for param in getattr(commands[each], "params", ())):
            return f"edgecls {each}"
    return ""


def _shown_params(command: Any) -> Iterator[Any]:
    return (param for param in command.params if not getattr(param, "hidden", False))


def _long(param: Any) -> list[str]:
    if _is_argument(param):
        return []
    return [option for option in (*param.opts, *param.secondary_opts) if option.startswith("--")]


def _plain(option: str) -> str:
    """An option's letters, however its words are joined."""
    return re.sub(f"[-_{_LONG_DASHES}]", "", option.partition("=")[0]).lower()


def _is_one_dash(word: str) -> bool:
    return re.match(r"-\w\w", word) is not None


def _is_argument(param: Any) -> bool:
    return param.param_type_name == "argument"
