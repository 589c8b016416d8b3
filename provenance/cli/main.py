"""The command ``provenance``: finds a command, runs it, turns its error into an exit code.

Exit codes: 0 it was done, or the check passed; 1 the answer is no: a check failed, the contracts
refused; 2 it could not be done or checked. This is the only place that decides them.

Promises: an expected error is one line on standard error, without a traceback; nothing is imported
for a command but what that command needs. Must never know what a command does.
"""

import gc
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from io import TextIOWrapper
from typing import Any

import click

from provenance.cli import output
from provenance.cli.door import help_of
from provenance.errors import (
    ContractRevert,
    IndexDamaged,
    IndexDrift,
    ProvenanceError,
    VerificationError,
)

PASSED, FAILED, NOT_DONE, INTERRUPTED = 0, 1, 2, 130
_COLLECT_AFTER = 20_000  # new objects; 700 by default, for smaller heaps

_EXIT_CODES: tuple[tuple[type[Exception], int], ...] = (
    (VerificationError, FAILED),
    (ContractRevert, FAILED),
    (IndexDamaged, NOT_DONE),
    (IndexDrift, FAILED),
    (ProvenanceError, NOT_DONE),
)

# Commands by name: module, attribute, one line of help (kept here so that listing imports nothing).
_COMMANDS: dict[str, tuple[str, str, str]] = {
    "init": ("home", "init", "Make a home: keys, chain, contracts, a first party."),
    "hash": ("content", "hash_", "Hash a folder or file into a manifest and its root."),
    "rows": ("rows", "rows", "Commit to rows of tables, prove and verify them."),
    "verify": ("verify", "verify", "Check a folder or file against the ledger."),
    "datasets": ("datasets", "datasets", "Register, publish, show and find datasets."),
    "erase": ("erasures", "erase", "Forget an entry of a private manifest."),
    "titles": ("titles", "titles", "Hand over rights in datasets."),
    "policies": ("policies", "policies", "Import, show and export terms of use."),
    "grants": ("grants", "grants", "Issue, use, report and revoke grants."),
    "offers": ("offers", "offers", "Offer grants to whoever may take them."),
    "rights": ("rights", "rights", "Ask whether a use is permitted."),
    "lineage": ("lineage", "lineage", "Record and ask what was made from what."),
    "holds": ("holds", "holds", "Stop acts on datasets, grants and parties, and let go."),
    "contests": ("contests", "contests", "End contests between claims to the same content."),
    "parties": ("memberships", "parties", "Admit parties, change their keys, roles, delegates."),
    "bundle": ("bundles", "bundle", "Export, upgrade and verify proofs in one file."),
    "anchors": ("anchors", "anchors", "Record documents, anchor them in batches, prove them."),
    "history": ("history", "history", "Show a history and check that it is complete."),
    "openlineage": ("openlineage", "openlineage", "Record pipelines, ask for their graph."),
    "index": ("index", "index", "Rebuild or audit the index, or say where it stands."),
    "tokens": ("tokens", "tokens", "Make and revoke bearer tokens of the service."),
    "serve": ("serve", "serve", "Run the service."),
    "backup": ("home", "backup", "Write the whole home into one file."),
    "restore": ("home", "restore", "Make a home from a backup."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.help = help_of(self.help)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, in the order people meet them."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        if cmd_name not in _COMMANDS:
            return None
        module, attribute, _ = _COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(f"provenance.cli.{module}"), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in _COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.version_option(package_name="provenance-ledger", prog_name="provenance")
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    r"""Record and check who holds which right in which dataset.

    The home is PROVENANCE_HOME, by default ./.provenance. A first session:

    \b
      provenance init
      provenance datasets register data/ --title "Meter readings"
      provenance verify data/
      provenance parties add bank --country CN --roles consumer
      provenance titles transfer 1 --to bank
      provenance titles accept 1 --as bank
      provenance history 1 --check
    """
    context.obj = as_json


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and leave the process with its exit code."""
    # eth-hash would choose a keccak ten times slower
    os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")
    # What modules define stays until the end: looking through it for garbage, on the way and
    # when all of it goes, would be a sixth of the time of a short command.
    gc.set_threshold(_COLLECT_AFTER)
    _print_whatever_the_encoding()
    code = run(sys.argv[1:] if arguments is None else arguments)
    gc.freeze()
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run a command; return its exit code."""
    as_json = "--json" in arguments
    try:
        found = command.main(list(arguments), prog_name="provenance", standalone_mode=False)
        return found if isinstance(found, int) else PASSED
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        return _report(error, error.format_message(), NOT_DONE, as_json, usage=True)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except (BrokenPipeError, SystemExit):
        # Who read our output has gone; what is left in the buffer has no reader. If click is told
        # first, it leaves with 1, which says here that a check has failed.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NOT_DONE
    except (ProvenanceError, OSError) as error:
        return _report(error, str(error), exit_code(error), as_json)
    except Exception as error:
        # the outermost door: a fault of ours is one line too, and the log has the rest
        import logging

        logging.getLogger(__name__).debug("internal error", exc_info=True)
        message = f"internal error, please report it: {type(error).__name__}: {error}"
        return _report(error, message, NOT_DONE, as_json)


def exit_code(error: Exception) -> int:
    """Return the exit code of an error."""
    return next((code for kind, code in _EXIT_CODES if isinstance(error, kind)), NOT_DONE)


def _report(
    error: Exception, message: str, code: int, as_json: bool, *, usage: bool = False
) -> int:
    kind = "UsageError" if usage else type(error).__name__
    line = output.shown(message, lines=isinstance(error, VerificationError))
    # Where nothing can be printed, the exit code still says it.
    with suppress(OSError):
        if as_json:
            retryable = bool(getattr(error, "retryable", False))
            found = error.to_json() if isinstance(error, ContractRevert) else {"error": kind}
            output.print_json({**found, "message": message, "retryable": retryable})
    with suppress(OSError):
        click.echo(f"error: {line}", err=True)
    return code


def _print_whatever_the_encoding() -> None:
    """Let terminals of another encoding than UTF-8 show escapes of what it lacks, as of ticks."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
