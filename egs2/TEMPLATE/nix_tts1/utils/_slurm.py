"""What slurm.pl hands to Slurm: the options of sbatch, read from conf/slurm.conf, and the job script."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass, field

from _dispatch import Call, DispatchError, command_line, quote

# What path.sh reads; sbatch --export=PATH does not hand it over.
CHOICES_OF_PATH_SH = ("NIX_PYTHON", "ESPNET_ROOT", "OMP_NUM_THREADS")

JOB_SCRIPT = r"""#!/usr/bin/env bash
# Written by slurm.pl and submitted by:
# {submission}
{exports}cd {folder} || exit 1
task="${{SLURM_ARRAY_TASK_ID:-1}}"
log={log}
line={line}
begin=$(date +%s)
finish() {{
    trap - TERM INT
    local seconds=$(($(date +%s) - begin))
    {{
        echo "# Accounting: time=${{seconds}} threads={threads}"
        echo "# Ended (code ${{1}}) at $(date), elapsed time ${{seconds}} seconds"
    }} >>"${{log}}"
    echo "${{1}}" >{sync}."tmp.${{task}}" && mv {sync}."tmp.${{task}}" {sync}."${{task}}"
    exit "${{1}}"
}}
trap 'finish 143' TERM
trap 'finish 130' INT
mkdir -p "$(dirname "${{log}}")"
{{
    echo "# ${{line{job_pattern}}}"
    echo "# Running on $(hostname)"
    echo "# Started at $(date)"
    echo "# Slurm job ${{SLURM_JOB_ID:-}}"
    echo "#"
}} >>"${{log}}"
. ./path.sh >>"${{log}}" 2>&1 || finish $?
(
    set -e -o pipefail
    {command}
) >>"${{log}}" 2>&1 </dev/null &
wait $!
finish $?
"""


@dataclass
class SlurmConfig:
    """conf/slurm.conf as read; ``options`` maps (name, value) to the text for sbatch, value ``*`` meaning any."""

    path: str
    command: list[str] = field(default_factory=list)
    options: dict[tuple[str, str], str] = field(default_factory=dict)
    defaults: dict[str, str] = field(default_factory=dict)


def read_config(path: str) -> SlurmConfig:
    """Reads lines ``command …``, ``option k=* text $0``, ``option k=v text`` and ``default k=v``; ``#`` begins a comment.

    Raises:
        DispatchError: the file is missing, has another kind of line, or no command.
    """
    if not os.path.isfile(path):
        raise DispatchError(f"{path} not found: copy conf/slurm.conf from egs2/TEMPLATE/nix_tts1 and adapt it")
    config = SlurmConfig(path)
    with open(path, encoding="utf-8") as stream:
        for number, line in enumerate(stream, 1):
            words = line.split("#", 1)[0].split(None, 2)
            if not words:
                continue
            name, equals, value = words[1].partition("=") if len(words) > 1 else ("", "", "")
            text = words[2].strip() if len(words) > 2 else ""
            if words[0] == "command" and name:
                config.command = shlex.split(f"{words[1]} {text}")
            elif words[0] == "option" and equals:
                config.options[name, value] = text
            elif words[0] == "default" and equals and not text:
                config.defaults[name] = value
            else:
                raise DispatchError(
                    f"{path}:{number}: expected 'command …', 'option name=value …' or 'default name=value', "
                    f"found '{line.strip()}'"
                )
    if not config.command:
        raise DispatchError(f"{path} has no line 'command sbatch …'")
    return config


def sbatch_options(call: Call, config: SlurmConfig) -> list[str]:
    """The sbatch command up to the script's name; an exact ``k=v`` line goes before ``k=*``.

    Raises:
        DispatchError: an option that the file does not define.
    """
    given = {name: value for name, value in call.options.items() if name != "max_jobs_run"}
    arguments = list(config.command)
    for name, value in {**config.defaults, **given}.items():
        text = config.options.get((name, value), config.options.get((name, "*")))
        if text is None:
            raise DispatchError(
                f"option {name}={value} is not defined in {config.path}: add a line 'option {name}=* …' there"
            )
        arguments += [word.replace("$0", value) for word in shlex.split(text)]
    if call.job_name is not None:
        limit = call.max_jobs_run(default=0)
        arguments += ["--array", f"{call.first}-{call.last}" + (f"%{limit}" if limit else "")]
    return arguments


def job_script(call: Call, submission: str, sync: str) -> str:
    """The bash script that every task runs.

    Args:
        submission: the sbatch command, for whoever reads the script.
        sync: prefix of the file that a task writes when it ends: ``<sync>.<task>``, holding the exit code.
    """
    exports = "".join(
        f"export {name}={shlex.quote(os.environ[name])}\n" for name in CHOICES_OF_PATH_SH if os.environ.get(name)
    )
    return JOB_SCRIPT.format(
        submission=submission.replace("\n", " "),
        exports=exports,
        folder=shlex.quote(os.getcwd()),
        log=_with_task(call, call.log),
        line=shlex.quote(command_line(call, call.job_name)),
        job_pattern=f"//{call.job_name}/${{task}}" if call.job_name is not None else "",
        command=" ".join(_with_task(call, argument) for argument in call.command),
        threads=call.options.get("num_threads", "1"),
        sync=shlex.quote(sync),
    )


def _with_task(call: Call, argument: str) -> str:
    """Quotes an argument for bash with ``"${task}"`` where the job variable stands."""
    if call.job_name is None or call.job_name not in argument:
        return quote(argument)
    pieces = (shlex.quote(piece) if piece else "" for piece in argument.split(call.job_name))
    return '"${task}"'.join(pieces)
