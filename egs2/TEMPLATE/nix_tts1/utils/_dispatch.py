"""What run.pl and slurm.pl share: their command line, the quoting of commands and the report on failures.

Only the standard library of Python 3.8 or newer: the dispatchers must start where nothing is installed.
"""

from __future__ import annotations

import re
import shlex
import sys
from dataclasses import dataclass, field

USAGE = "usage: {program} [--option value]... [JOB=first:last] LOG COMMAND [ARGUMENT]..."

# Passed to bash unquoted when they stand alone, so that `run.pl x.log a \| b` is a pipe.
SHELL_OPERATORS = frozenset(["|", "|&", "||", "&&", ";", "<", ">", ">>", "2>", "2>>", "&>", "2>&1"])

_JOB_RANGE = re.compile(r"([A-Za-z_]\w*)=(\d+)(?::(\d+))?")
_LIKE_JOB_RANGE = re.compile(r"[A-Za-z_]\w*=[-\d]*:?[-\d]*")


class DispatchError(Exception):
    """The caller's mistake; its text is what the caller reads."""


@dataclass
class Call:
    """One command line of a dispatcher.

    ``options`` keeps the order of the command line, with ``-`` turned into ``_``; ``job_name`` is None without ``JOB=…``.
    """

    log: str
    command: list[str]
    options: dict[str, str] = field(default_factory=dict)
    job_name: str | None = None
    first: int = 1
    last: int = 1

    @property
    def tasks(self) -> range:
        return range(self.first, self.last + 1)

    def substitute(self, text: str, task: object) -> str:
        """Puts the task's number (or any other text) where the job variable stands."""
        return text if self.job_name is None else text.replace(self.job_name, str(task))

    def max_jobs_run(self, default: int) -> int:
        """The number of tasks at a time: ``--max-jobs-run N``, 0 or nothing meaning the default."""
        text = self.options.get("max_jobs_run", "0")
        if not text.isdigit():
            raise DispatchError(f"--max-jobs-run needs a whole number, found '{text}'")
        return int(text) or default


def parse_call(arguments: list[str]) -> Call:
    """Reads ``[--option value]… [JOB=1:N] LOG COMMAND…``; options may stand on both sides of the job range.

    Raises:
        DispatchError: something is missing, the range is not ``1 <= first <= last``, or several tasks share one log.
    """
    words = list(arguments)
    options: dict[str, str] = {}
    job_name, first, last = None, 1, 1
    while words:
        if words[0].startswith("-"):
            _take_option(words, options)
        elif job_name is None and _LIKE_JOB_RANGE.fullmatch(words[0]):
            job_name, first, last = _parse_range(words.pop(0))
        else:
            break
    if len(words) < 2:
        raise DispatchError("a log file and a command are needed after the options")
    call = Call(words[0], words[1:], options, job_name, first, last)
    if job_name is not None and last > first and job_name not in call.log:
        raise DispatchError(
            f"{last - first + 1} tasks would write one log: put {job_name} into its name, found '{call.log}'"
        )
    return call


def _take_option(words: list[str], options: dict[str, str]) -> None:
    switch = words.pop(0)
    if switch == "-V":  # Grid Engine's "export the environment": the one option without a value
        return
    name, equals, value = switch.lstrip("-").partition("=")
    if not equals:
        if not words:
            raise DispatchError(f"option {switch} needs a value")
        value = words.pop(0)
    options[name.replace("-", "_")] = value


def _parse_range(text: str) -> tuple[str, int, int]:
    match = _JOB_RANGE.fullmatch(text)
    if match is None:
        raise DispatchError(f"expected a job range such as JOB=1:4, found '{text}'")
    name, first = match.group(1), int(match.group(2))
    last = first if match.group(3) is None else int(match.group(3))
    if first < 1 or last < first:
        raise DispatchError(f"a job range needs 1 <= first <= last, found '{text}'")
    return name, first, last


def quote(argument: str) -> str:
    """Quotes one argument for bash; a lone shell operator stays an operator."""
    return argument if argument in SHELL_OPERATORS else shlex.quote(argument)


def command_line(call: Call, task: object) -> str:
    """The command of one task as bash reads it."""
    return " ".join(quote(call.substitute(argument, task)) for argument in call.command)


def report_failures(program: str, call: Call, codes: dict[int, int]) -> int:
    """Says on standard error which tasks failed.

    Args:
        codes: exit code by task; every task of the call must be there.

    Returns:
        The dispatcher's own exit code: 1 if any task failed, else 0.
    """
    failed = [task for task, code in sorted(codes.items()) if code != 0]
    if not failed:
        return 0
    where = call.substitute(call.log, "*")
    print(f"{program}: {len(failed)} / {len(codes)} failed, log is in {where}", file=sys.stderr)
    if len(codes) > 1:
        listed = ", ".join(str(task) for task in failed[:10]) + (", ..." if len(failed) > 10 else "")
        example = call.substitute(call.log, failed[0])
        print(f"{program}: failed: {listed}; the first one's log: {example}", file=sys.stderr)
    return 1


def complain(program: str, error: DispatchError) -> int:
    """Prints a caller's mistake with the usage; returns the exit code."""
    print(f"{program}: {error}\n{USAGE.format(program=program)}", file=sys.stderr)
    return 1
