"""Commands: loaded when they are run, with help in groups that ends in examples.

typer's own grouped help needs rich, which doubles the start-up time and draws boxes that a serial console
cannot show. A command's docstring may end with a section `Examples:`, whose lines are shown as they are.
"""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from math import isfinite
from typing import Any, ClassVar

import typer
from typer._click.shell_completion import CompletionItem  # typer has no public name for it
from typer.core import TyperCommand, TyperGroup, TyperOption

from ..edge_runtime.errors import UnknownChoice, UsageError
from .meant import check_values, near_choice, unexpected, unknown_command, unknown_option
from .messages import Verbosity, set_verbosity
from .together import check_together

_WIDEST_NAME = 26


class Command(TyperCommand):
    """A command; `-q` and `-v` may also stand among its own options."""

    def __init__(self, *arguments: Any, help: str | None = None, **settings: Any) -> None:  # noqa: A002 - typer's name
        prose, self.examples = _split_help(help)
        super().__init__(*arguments, help=prose, **settings)

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters, with `-q` and `-v`, which `edgecls --help` explains."""
        return [*super().get_params(ctx), *_VERBOSITY_OPTIONS]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parses; an error says what was meant, and names the command, so that it can lead to its help."""
        typed = list(args)
        try:
            return super().parse_args(ctx, args)
        except typer.TyperException as mistake:
            _explain(mistake, ctx, typed)
            raise

    def invoke(self, ctx: Any) -> Any:
        """Runs the command, unless a value belongs elsewhere or an option has no effect."""
        check_values(ctx, ctx.params)
        for name, value in ctx.params.items():
            if isinstance(value, float) and not isfinite(value):  # which no comparison with a limit notices
                raise UsageError(f"--{name.replace('_', '-')} {value}: not a number; write one")
        if not ctx.params.get("config"):  # else `with_camera_options` checks, with what the file says
            check_together(ctx, ctx.params)
        try:
            return super().invoke(ctx)
        except UnknownChoice as mistake:
            raise UsageError(f"{mistake}{near_choice(mistake.value, mistake.choices)}") from mistake

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Writes arguments and options in their groups."""
        _write_groups(parameter_groups(self, ctx), formatter)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Writes the epilog, then the examples."""
        super().format_epilog(ctx, formatter)
        _write_examples(self.examples, formatter)


class Group(TyperGroup):
    """A command with sub-commands; alone it shows its help."""

    def __init__(self, *arguments: Any, help: str | None = None, **settings: Any) -> None:  # noqa: A002 - typer's name
        prose, self.examples = _split_help(help)
        super().__init__(*arguments, help=prose, **settings)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Writes the sub-commands, then the options."""
        self.format_commands(ctx, formatter)
        _write_groups(parameter_groups(self, ctx), formatter)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Writes the epilog, then the examples."""
        _write_examples(self.examples, formatter)
        super().format_epilog(ctx, formatter)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Shows the help where nothing is given, which is no mistake, and for `edgecls help train`."""
        if args[:1] == ["help"] and not ctx.resilient_parsing:
            args = [*args[1:], "--help"]
        if not args and self.no_args_is_help and not ctx.resilient_parsing:
            print(ctx.get_help())
            ctx.exit()
        typed = list(args)
        try:
            return super().parse_args(ctx, args)
        except typer.TyperException as mistake:
            _explain(mistake, ctx, typed)
            raise

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Finds the sub-command; an error says which was meant."""
        try:
            return super().resolve_command(ctx, args)
        except typer.TyperException as mistake:
            if not args[0].startswith("-"):
                mistake.message = unknown_command(ctx, args[0])
            raise


def _explain(mistake: Any, context: Any, args: list[str]) -> None:
    """Has a mistake of the parser say what was meant, and whose help to read."""
    if getattr(mistake, "ctx", None) is None:
        mistake.ctx = context
    if hasattr(mistake, "possibilities"):  # an option that does not exist
        mistake.message, mistake.possibilities = unknown_option(context, mistake.option_name, args), None
    elif chosen := re.fullmatch(r"'(.*?)' is not one of ('.*')\.?", getattr(mistake, "message", None) or ""):
        mistake.message = mistake.message.removesuffix(".") + near_choice(
            chosen[1], re.findall(r"'(.*?)'", chosen[2])
        )
    elif not hasattr(mistake, "param") and not hasattr(mistake, "option_name"):
        _, extra, _ = context.command.make_parser(context).parse_args(list(args))
        if extra:
            mistake.message = unexpected(context, extra, args)


def parameter_groups(command: Any, ctx: Any) -> dict[str, list[tuple[str, str]]]:
    """Returns a command's parameters as names and help, by the title of their group.

    Arguments come first, then the options by their `rich_help_panel`, those without one before the others.
    """
    groups: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
    for param in command.get_params(ctx):
        record = param.get_help_record(ctx)
        if record:
            plain = "Arguments" if param.param_type_name == "argument" else "Options"
            name, text = record
            row = name.replace(" range>", ">"), range_in_words(text)
            groups.setdefault(getattr(param, "rich_help_panel", None) or plain, []).append(row)
    return {title: rows for title, rows in groups.items() if rows}


def range_in_words(text: str) -> str:
    """Returns typer's `8<=x<=1024` as `8 to 1024`, `x>=1` as `at least 1`, kinds of number in words."""
    text = re.sub(r"([\d.e-]+)<=x<=([\d.e-]+)", r"\1 to \2", text)
    text = re.sub(r"(?:in the range |\b)x>=([\d.e-]+)", r"at least \1", text)
    text = re.sub(r"is not a valid int(?:eger)?(?: range)?\b", "is not a whole number", text)
    return re.sub(r"is not a valid float(?: range)?\b", "is not a number", text)


def _write_groups(groups: Mapping[str, list[tuple[str, str]]], formatter: Any) -> None:
    """Writes names and descriptions under their headings, in two columns that all groups share."""
    names = [name for rows in groups.values() for name, _ in rows]
    width = max((len(name) for name in names if len(name) <= _WIDEST_NAME), default=0)
    for heading, rows in groups.items():
        with formatter.section(heading):
            formatter.write_dl([(name.ljust(width), text) for name, text in rows], col_max=width)


def _write_examples(examples: list[str], formatter: Any) -> None:
    """Writes examples as they are, a command a line."""
    if examples:
        with formatter.section("Examples"):
            for line in examples:
                formatter.write(f"{'':{formatter.current_indent}}{line}\n")


def _split_help(text: str | None) -> tuple[str, list[str]]:
    """A help text without its section of examples, and their lines."""
    prose, _, examples = (text or "").partition("\n\nExamples:\n")
    return prose, inspect.cleandoc(examples).splitlines()


def _verbosity_option(level: Verbosity, *names: str) -> TyperOption:
    def choose(_ctx: Any, _param: Any, is_given: bool) -> None:
        if is_given:
            set_verbosity(level)

    return TyperOption(
        param_decls=list(names), is_flag=True, hidden=True, expose_value=False, callback=choose, is_eager=True
    )


_VERBOSITY_OPTIONS = (
    _verbosity_option(Verbosity.QUIET, "-q", "--quiet"),
    _verbosity_option(Verbosity.VERBOSE, "-v", "--verbose"),
)


class LazyGroup(Group):
    """A group whose commands are imported when they are run, or when their help is asked for.

    The command `name` is what module `name` of `package` defines under that name: a function, or a
    `typer.Typer` with sub-commands. The module may choose a `COMMAND_CLASS` of its own.
    """

    package: ClassVar[str]
    table: ClassVar[Mapping[str, Mapping[str, str]]]
    """For each heading the commands' names with one line of help."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.commands = _Loaded(self.package, [name for rows in self.table.values() for name in rows])

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - typer's signature
        """Writes the table, for which no command is imported."""
        _write_groups({heading: list(rows.items()) for heading, rows in self.table.items()}, formatter)

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Completes names from the table; options as usual."""
        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        names = [(name, text) for rows in self.table.values() for name, text in rows.items()]
        return [CompletionItem(name, help=text) for name, text in names if name.startswith(incomplete)]


class _Loaded(Mapping[str, Any]):
    """Commands by name, each imported when it is first asked for."""

    def __init__(self, package: str, names: list[str]) -> None:
        self._package, self._names = package, names
        self._found: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(name)
        if name not in self._found:
            module = import_module(f".{name}", self._package)
            self._found[name] = _made(name, getattr(module, name), getattr(module, "COMMAND_CLASS", Command))
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _made(name: str, defined: Callable[..., Any] | typer.Typer, command_class: type[Command]) -> Any:
    if isinstance(defined, typer.Typer):
        defined.info.cls = Group
        for command in defined.registered_commands:
            command.cls = command.cls if issubclass(command.cls or object, Command) else Command
        return typer.main.get_group(defined)
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(name, cls=command_class)(defined)
    return typer.main.get_command(app)
