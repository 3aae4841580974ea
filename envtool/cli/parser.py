"""The parser: typer commands and groups, each imported when the command line names it.

A command is a module of the command's name with a function ``command``, whose signature declares its options and whose
docstring is the second paragraph of its help. A module may also have ``EXAMPLES`` (a command line -> what it does) for
the help, ``PASSES_WORDS_ON``: from the first argument on, options belong to another program, and ``ACCEPTS`` (spellings
-> help): options that people are used to and that say nothing new here. A group is a package with ``COMMANDS`` (name
-> summary), and ``DEFAULT`` where one of them may be left out.
"""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any, Literal, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from envtool.cli.output import FLAGS, Flag, Rerun, Result, out
from envtool.errors import EnvtoolError, ExitCode
from envtool.i18n import tr


def parse(arguments: Sequence[str], commands: Mapping[str, str], summary: str) -> Result | Rerun | int:
    """Run what a command line says and return what the command handed back, else an exit code.

    ``commands`` are those of the program, name -> summary. Raises EnvtoolError; prints usage errors itself.
    """
    program = _Group(import_module("envtool.cli"), commands, name="envtool", help=summary)
    program.params.append(_version_option())
    if not arguments or arguments[0] not in commands:  # they stand before a command, or without one
        program.params += typer.main.get_install_completion_arguments()
    program.context_settings = {"help_option_names": ["-h", "--help"]}
    _complete_without_rich()
    try:
        outcome = program.main(list(arguments), prog_name="envtool", standalone_mode=False)
    except typer.Abort:
        return ExitCode.INTERRUPTED
    except Exception as error:
        if not hasattr(error, "format_message"):  # usage errors have it; anything else is a bug
            raise
        return _usage(error, arguments)
    return outcome if isinstance(outcome, Result | Rerun | int) else ExitCode.OK


class Named(NamedTuple):
    """The environment in a command line: what was given as its name, with -n or as the first argument, and with -p.

    ``words`` are all arguments that are no options; ``takes_name`` says that the command knows -n.
    """

    name: str
    prefix: str
    words: tuple[str, ...]
    takes_name: bool


def named_environment(verb: str, arguments: Sequence[str]) -> Named:
    """Return what a command's arguments name, without running it."""
    command = _load(import_module("envtool.cli"), verb, "")
    context = command.make_context(verb, list(arguments), resilient_parsing=True)
    by_option = {spelling: param.name for param in command.params for spelling in param.opts}
    positional = [context.params.get(param.name) for param in command.params if param.param_type_name == "argument"]
    words = tuple(word for word in positional if isinstance(word, str) and word)
    name = context.params.get(by_option.get("-n")) or context.params.get("name") or ""
    prefix = context.params.get(by_option.get("-p")) or ""
    return Named(str(name), str(prefix), words, "-n" in by_option)


class _Command(TyperCommand):
    """One command, with the flags that every command takes."""

    def __init__(self, *, params: Iterable[Any] | None = None, **settings: Any) -> None:
        super().__init__(params=[*(params or ()), *map(_flag_option, FLAGS)], **settings)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if any(word == "" or word.endswith("=") for word in args) and not ctx.resilient_parsing:
            self._refuse_empty_names(ctx, args)
        return super().parse_args(ctx, args)

    def _refuse_empty_names(self, ctx: Any, args: list[str]) -> None:
        """Raise EnvtoolError for an empty -n or -p, as an unset variable leaves it: it names no environment."""
        given, _, _ = self.make_parser(ctx).parse_args(list(args))
        for param in self.params:
            if given.get(param.name or "") == "" and {"--name", "--prefix"} & {*param.opts}:
                raise EnvtoolError(
                    tr("{option} is empty.", option=param.opts[0]),
                    hint=tr("Was a variable not set? Name an environment, or leave the option out."),
                    code=ExitCode.USAGE,
                )


class _Group(TyperGroup):
    """Commands by name. Listing and completing them needs their summaries only; one that is run is imported."""

    def __init__(self, package: ModuleType, commands: Mapping[str, str], **settings: Any) -> None:
        named: dict[str, Any] = {name: TyperCommand(name, help=summary) for name, summary in commands.items()}
        params = [*map(_flag_option, FLAGS)]
        super().__init__(commands=named, params=params, rich_markup_mode=_markup(), **settings)
        self._package = package
        self._default: str = getattr(package, "DEFAULT", "")

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if self._default and (args or not ctx.resilient_parsing):
            args = self._with_default(ctx, args)
        if not args and not ctx.resilient_parsing:
            typer.echo(self.get_help(ctx))
            ctx.exit(ExitCode.USAGE)
        return super().parse_args(ctx, args)

    def _with_default(self, ctx: typer.Context, args: list[str]) -> list[str]:
        """Return the arguments with the default command in its place where none is named."""
        flags = {name for flag in FLAGS for name in flag.names}
        place = next((number for number, word in enumerate(args) if word not in flags), len(args))
        if place < len(args) and args[place] in (*self.commands, *ctx.help_option_names):
            return args
        return [*args[:place], self._default, *args[place:]]

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        return name, command and _load(self._package, str(name), command.help or ""), rest

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        found = super().shell_complete(ctx, incomplete)
        if self._default and incomplete.startswith("-"):
            command = _load(self._package, self._default, "")
            there = {item.value for item in found}
            found += [item for item in command.shell_complete(ctx, incomplete) if item.value not in there]
        return found

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - click's signature
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.help or "") for name, command in self.commands.items()])


def _load(package: ModuleType, name: str, summary: str) -> Any:
    """Import a command or a group and return it as typer's."""
    module = import_module(f"{package.__name__}.{name.replace('-', '_')}")
    if commands := getattr(module, "COMMANDS", None):
        return _Group(module, commands, name=name, help=summary)
    app = typer.Typer(add_completion=False, rich_markup_mode=_markup())
    settings = {"allow_interspersed_args": not getattr(module, "PASSES_WORDS_ON", False)}
    app.command(name, cls=_Command, help=_help(module, summary), context_settings=settings)(module.command)
    command = typer.main.get_command(app)
    accepted = [_option(names, words, None) for names, words in getattr(module, "ACCEPTS", {}).items()]
    command.params[-len(FLAGS) : -len(FLAGS)] = accepted
    return command


def _markup() -> Literal["rich"] | None:
    """Return how help is printed: in panels on a terminal, elsewhere as plain text, for which rich is not imported."""
    return "rich" if sys.stdout.isatty() else None


def _help(module: ModuleType, summary: str) -> str:
    """Return the help of a command: its summary, its function's docstring, its examples."""
    paragraphs = [summary]
    if details := module.command.__doc__:
        paragraphs.append(" ".join(details.split()))
    if examples := getattr(module, "EXAMPLES", None):
        width = max(map(len, examples))
        start, end, unwrapped = ("[bold]", "[/bold]", "") if _markup() else ("", "", "\b\n")
        lines = (f"{start}{line}{end}{' ' * (width - len(line))}   {words}" for line, words in examples.items())
        paragraphs.append(unwrapped + "\n".join(line.rstrip() for line in lines))
    return "\n\n".join(paragraphs)


def _flag_option(flag: Flag) -> TyperOption:
    def switch_on(ctx: typer.Context, _: object, value: bool) -> None:
        if value and not ctx.resilient_parsing:
            setattr(out, flag.attribute, True)

    return _option(flag.names, flag.help, switch_on)


def _version_option() -> TyperOption:
    def show(ctx: typer.Context, _: object, value: bool) -> None:
        if value and not ctx.resilient_parsing:
            from envtool.cli import version

            ctx.exit(out.finish(version.command()))

    return _option(("--version", "-V"), "Show the version.", show)


def _option(
    names: Sequence[str], words: str, callback: Callable[[typer.Context, object, bool], None] | None
) -> TyperOption:
    # Eager: acted on before any other option is looked at, and may be found wrong.
    return TyperOption(
        param_decls=list(names), is_flag=True, expose_value=False, is_eager=True, help=words, callback=callback
    )


def _complete_without_rich() -> None:
    """Keep typer from importing rich to take the markup out of help texts when it completes: ours have none."""
    from typer import _completion_classes

    def unchanged(text: str) -> str:
        return text

    _completion_classes._sanitize_help_text = unchanged  # noqa: SLF001


def _usage(error: Any, arguments: Sequence[str]) -> int:
    """Print a usage error. What is wrong may stand before --json, which has not been seen by the parser then."""
    from envtool.cli import foreign

    words = arguments[: arguments.index("--")] if "--" in arguments else arguments
    out.json = out.json or "--json" in words
    answer = foreign.answer(words)
    if out.json or answer:
        message = error.format_message()
        if answer:  # what the parser suggests instead is only spelled alike
            message = message.partition(" Did you mean")[0].partition(" (Possible options")[0]
        out.failure(EnvtoolError(message, hint=answer or tr("See envtool --help."), code=ExitCode.USAGE))
    else:
        error.show()
    return ExitCode.USAGE
