"""`--serve` and `--token` of `edgecls camera`."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .command import Command

if TYPE_CHECKING:
    from ..edge_runtime.page.server import PageSink


DEFAULT = "127.0.0.1:8080"
"""`edge_runtime.page.address.DEFAULT`, which cannot be imported here without numpy."""

Serve = Annotated[
    str | None,
    typer.Option(
        metavar="[HOST:PORT]",
        help=f"A page to watch it with a browser, at {DEFAULT} unless told; elsewhere it needs --token.",
    ),
]
Token = Annotated[
    str | None,
    typer.Option(
        envvar="EDGECLS_TOKEN",
        show_envvar=False,
        help="What viewers of the page must know; better as EDGECLS_TOKEN, which no list of processes shows.",
    ),
]


class ServeAlone(Command):
    """A command whose `--serve` may stand without its value, which typer has no option for."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Gives a `--serve` at the end, or before another option, its default."""
        if "--serve" in args:
            after = args.index("--serve") + 1
            if after == len(args) or args[after].startswith("-"):
                args = [*args[:after], DEFAULT, *args[after:]]
        return super().parse_args(ctx, args)


def open_page(serve: str | None, token: str | None) -> "PageSink | None":
    """Serves the page, if it was asked for; says on stderr where.

    The token is part of that only on a terminal, where a person clicks: a journal keeps what it is told.

    Raises:
        EdgeclsError: it cannot be served there.
    """
    if serve is None:
        return None
    from ..edge_runtime.page.server import PageSink

    page = PageSink(serve, token)
    link = page.link_with_token if sys.stderr.isatty() else page.link
    print(f"page: {link}", file=sys.stderr, flush=True)
    return page
