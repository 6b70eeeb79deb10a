"""The command ``pcapaudit``: finds the subcommand, and turns whatever ends it into an exit code.

Only click is imported here and at the top of the commands' modules: ``--help`` must not pay for NumPy.
"""

from __future__ import annotations

import gc
import os
import platform
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

import pcapaudit
from pcapaudit.cli.audit import audit
from pcapaudit.cli.diff import diff
from pcapaudit.cli.exits import Exit, InterruptedRun, ReaderGone, explain
from pcapaudit.cli.explain import explain as explain_command
from pcapaudit.cli.exposure import exposure
from pcapaudit.cli.findings import findings
from pcapaudit.cli.init import init
from pcapaudit.cli.reduce import reduce
from pcapaudit.cli.rfc import rfc
from pcapaudit.cli.rules import rules
from pcapaudit.cli.test import test
from pcapaudit.cli.timeouts import timeouts
from pcapaudit.cli.verify import verify

#: Objects that may be made until Python looks for garbage: some 10 MB at most, and there is hardly any.
_COLLECT_AFTER = 50_000

__all__ = ["Commands", "cli", "main", "run"]


class Commands(click.Group):
    """A group that gets to Ctrl-C and to closed pipes before click does, whose exit code 1 means something else here."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the subcommand and send off its output."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except KeyboardInterrupt:
            raise InterruptedRun from None
        except BrokenPipeError:
            raise ReaderGone from None
        return result


def _show_version(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    click.echo(f"pcapaudit {pcapaudit.__version__}")
    click.echo(f"core: {_core()}")
    click.echo(f"Python {platform.python_version()} ({platform.system()} {platform.machine()})")
    ctx.exit()


def _core() -> str:
    """Which core runs, and which of its modules do not."""
    from pcapaudit import builds

    hot = len(builds.hot_modules())
    match builds.core_in_use():
        case "compiled":
            return f"compiled ({hot} modules)"
        case "pure":
            return f"pure Python: same results, some hundred times slower (none of {hot} modules is compiled, or PCAPAUDIT_BUILD=pure)"
        case _:
            return f"partly compiled; as Python: {', '.join(builds.uncompiled())}"


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show the version and which core runs."
)
def cli() -> None:
    """Replay captures through a Linux-faithful stateful firewall: what it would have done to each packet, and why.

    Offline: files in, answers out; no root, no kernel, no network (verify aside, which asks the kernel).
    """


cli.add_command(audit)
cli.add_command(diff)
cli.add_command(explain_command)
cli.add_command(exposure)
cli.add_command(findings)
cli.add_command(init)
cli.add_command(reduce)
cli.add_command(rfc)
cli.add_command(rules)
cli.add_command(test)
cli.add_command(timeouts)
cli.add_command(verify)


def run(args: Sequence[str] | None = None) -> int:
    """Run a command line; returns its exit code."""
    try:
        return int(cli.main(args, prog_name="pcapaudit", standalone_mode=False) or Exit.CLEAN)
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "pcapaudit"
        click.echo(f"{command}: {error.format_message()} Try '{command} --help'.", err=True)
        return Exit.FAILED
    except click.ClickException as error:
        click.echo(f"pcapaudit: {error.format_message()}", err=True)
        return Exit.FAILED
    except Exception as error:  # the last line of defence: a person sees one line, whatever happened
        if os.environ.get("PCAPAUDIT_TRACEBACK"):
            raise
        return explain(error)


def main() -> NoReturn:
    """Entry point of the command."""
    # The linear algebra that NumPy brings would start a thread per core, which nothing here uses.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Importing makes many objects that all stay: looking through them for garbage again and again is a tenth of the start.
    gc.set_threshold(_COLLECT_AFTER, 20, 50)
    code = run()
    # What is left ends with the process.
    gc.freeze()
    sys.exit(code)
