"""Measures what stage 9 spoke, and tells of it: tables, pictures and a page to listen to."""

from __future__ import annotations

import json
import logging
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from espnet2_nix.data.kaldi_io import read_table
from espnet2_nix.data.progress import progress
from espnet2_nix.data.spoken import TABLE, SpokenUtterance, read_spoken
from espnet2_nix.errors import MissingFileError, UserError
from espnet2_nix.evaluation.cost import cost_table, costs, count_parameters
from espnet2_nix.evaluation.page import PageRow, write_page
from espnet2_nix.evaluation.pictures import Picture, draw_losses, draw_set
from espnet2_nix.evaluation.results import FRAME_BY_FRAME, SPEECH, read_scores, table
from espnet2_nix.evaluation.scores import Scorer, Utterance
from espnet2_nix.evaluation.table import Table
from espnet2_nix.evaluation.utterance_scores import Scores
from espnet2_nix.files import write_text
from espnet2_nix.systems import RECORDING, SYSTEMS

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Experiment:
    """Where the things are that a report tells of.

    Attributes:
        data_dir: Folder of the sets: SET/{wav.scp,text,text.raw}.
        inference_dir: Folder of stage 9: SET/SYSTEM/{wav,utterances.tsv}.
        model_dir: Folder of the student, for the number of its parameters.
        teacher_train_config: ``config.yaml`` of the teacher, whose parameters are counted as the student's are.
        train_dirs: Folders of the trainings, for the curves of their losses.
        compare_scores: ``LABEL=FILE``, scores.json of other students, whose rows go into the tables.
    """

    data_dir: Path
    inference_dir: Path
    model_dir: Path | None = None
    teacher_train_config: Path | None = None
    train_dirs: Sequence[Path] = ()
    compare_scores: Sequence[str] = ()


@dataclass
class Report:
    """What was measured of an experiment.

    Attributes:
        scores: By set, system and utterance.
        tables: With captions.
        pictures: Caption and PNG.
        columns: What can be heard: the recording and the systems.
        rows: Utterances to listen to.
        notes: Sentences below the tables.
        command: The recipe's command, for the record.
    """

    scores: dict[str, dict[str, Scores]] = field(default_factory=dict)
    tables: list[Table] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    columns: list[str] = field(default_factory=lambda: [RECORDING])
    rows: list[PageRow] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    command: str = ""

    def to_markdown(self) -> str:
        """Tables, notes and command."""
        parts = [f"# Results\n\n{versions()}\n\n"]
        parts += [f"## {table.caption}\n\n{table.to_markdown()}\n" for table in self.tables]
        parts.append("## Notes\n\n" + "".join(f"- {note}\n" for note in self.notes))
        if self.command:
            parts.append(f"\n## Command\n\n```sh\n{self.command}\n```\n")
        return "".join(parts)

    def write(self, outdir: Path) -> None:
        """Writes scores.json, RESULTS.md and index.html."""
        scores = {
            dset: {
                system: {utt_id: score.as_dict() for utt_id, score in of_system.items()}
                for system, of_system in of_set.items()
            }
            for dset, of_set in self.scores.items()
        }
        write_text(outdir / "scores.json", json.dumps(scores, ensure_ascii=False, indent=1))
        write_text(outdir / "RESULTS.md", self.to_markdown())
        commands = [text for text in (versions(), self.command) if text]
        write_page(outdir / "index.html", "Nix-TTS", self.columns, self.rows, self.tables, self.pictures, commands)


@dataclass(frozen=True)
class SpokenSet:
    """A set with what the systems made of it.

    Attributes:
        name: Of the set.
        utterances: By system; the recording comes first.
        spoken: What stage 9 wrote, by system and utterance id.
        tokens: Tokens, joined by blanks, by utterance id.
    """

    name: str
    utterances: Mapping[str, list[Utterance]]
    spoken: Mapping[str, Mapping[str, SpokenUtterance]]
    tokens: Mapping[str, str]


def report(
    experiment: Experiment,
    test_sets: Sequence[str],
    scorer: Scorer,
    outdir: Path,
    num_listening: int = 20,
    command: str = "",
) -> Report:
    """Measures sets; pictures are written, the rest is the report's to write.

    Args:
        experiment: Where things are.
        test_sets: Names of the sets.
        scorer: Measures utterances.
        outdir: The pictures go into ``pictures/`` there.
        num_listening: Utterances of each set to listen to and to draw.
        command: The recipe's command, for the record.

    Raises:
        UserError: If a set or a table of other students is missing or damaged.
    """
    for entry in experiment.compare_scores:  # before the measuring, which may take an hour
        if not Path(entry.partition("=")[2]).is_file():
            raise MissingFileError(
                f"--compare_scores, LABEL=FILE: {entry} not found; stage 10 writes it: ./run.sh --stage 10 --stop_stage 10"
            )
    made = Report(command=command)
    parameters = count_parameters(experiment.model_dir, experiment.teacher_train_config)
    for name in test_sets:
        spoken_set = read_set(experiment, name)
        scores = made.scores[name] = score_set(experiment, spoken_set, scorer)
        shown = scores | compared(experiment, name, made.notes)
        for title, measures in (("speech", SPEECH), ("frame by frame against the recording", FRAME_BY_FRAME)):
            made_table = table(measures, shown, f"{name}: {title}")
            if made_table.rows:
                made.tables.append(made_table)
        made.tables.append(cost_table(costs(spoken_set.spoken, parameters), f"{name}: cost, model call only"))
        made.pictures += draw_set(
            name,
            spoken_set.utterances,
            scores,
            spoken_set.tokens,
            scorer.spectrogram,
            outdir / "pictures" / name,
            num_listening,
        )
        made.columns += [system for system in spoken_set.utterances if system not in made.columns]
        made.rows += listening(spoken_set, num_listening)
    made.pictures += draw_losses(experiment.train_dirs, outdir / "pictures")
    made.notes += [f"{m.title}: {m.note}." for m in (*SPEECH, *FRAME_BY_FRAME)]
    made.notes += [f"{name} is left out: {reason}." for name, reason in scorer.skipped.items()]
    made.notes += ["In brackets: 95 % bootstrap interval over utterances (1,000 draws, seed 0). Speech: seed 0."]
    return made


def read_set(experiment: Experiment, name: str) -> SpokenSet:
    """Reads a set and what every system made of it.

    Raises:
        UserError: If no system spoke it, or one spoke other utterances.
    """
    folder, data = experiment.inference_dir / name, experiment.data_dir / name
    recordings, texts = read_table(data / "wav.scp"), read_table(data / "text.raw")
    spoken = {
        system.name: read_spoken(folder / system.name / TABLE)
        for system in SYSTEMS
        if (folder / system.name / TABLE).is_file()
    }
    if not spoken:
        raise UserError(f"no {TABLE} under {folder}; stage 9 writes it: ./run.sh --stage 9 --stop_stage 9")
    # Any system as long as the recording speaks at its durations.
    reference = next((spoken[s.name] for s in SYSTEMS if s.as_long_as_recording and s.name in spoken), {})
    utterances = {RECORDING: [Utterance(u, texts[u], Path(recordings[u]), Path(recordings[u])) for u in recordings]}
    for system, of_system in spoken.items():
        unknown = sorted(of_system.keys() - recordings.keys())
        if unknown:
            raise UserError(f"{folder / system}: {', '.join(unknown[:5])} are not in {data}; run stage 9 again")
        utterances[system] = [
            Utterance(
                utt_id,
                texts[utt_id],
                Path(recordings[utt_id]),
                folder / system / "wav" / f"{utt_id}.wav",
                of_utterance.durations,
                reference[utt_id].durations if utt_id in reference else [],
                of_utterance.latent_loss,
            )
            for utt_id, of_utterance in of_system.items()
        ]
    return SpokenSet(name, utterances, spoken, read_table(data / "text"))


def score_set(experiment: Experiment, spoken_set: SpokenSet, scorer: Scorer) -> dict[str, Scores]:
    """Scores of every system of a set."""
    scores: dict[str, Scores] = {}
    for system, members in spoken_set.utterances.items():
        # The recordings are the same for every student: measured once for all.
        folder = experiment.data_dir if system == RECORDING else experiment.inference_dir
        cache = folder / spoken_set.name / f"scores.{system}.json"
        what = f"utterances of {spoken_set.name} by {system}"
        scores[system] = scorer.score_all(system, progress(members, what), cache)
    return scores


def compared(experiment: Experiment, name: str, notes: list[str]) -> dict[str, Scores]:
    """Rows of other students; what cannot be compared is noted."""
    # Only what that student has a part in: recording and teacher are the same.
    systems = [system.name for system in SYSTEMS if system.needs_student]
    rows: dict[str, Scores] = {}
    for entry in experiment.compare_scores:
        try:
            others = read_scores([entry], name, systems)
        except UserError as error:
            notes.append(f"Not compared: {error}.")
            continue
        rows |= {f"{label}: {system}": other for (label, system), other in others.items()}
    return rows


def listening(spoken_set: SpokenSet, num_listening: int) -> list[PageRow]:
    """Utterances to listen to."""
    wavs = {system: {u.utt_id: u.wav for u in members} for system, members in spoken_set.utterances.items()}
    return [
        PageRow(f"{spoken_set.name} {u.utt_id}", u.text, {system: wavs[system].get(u.utt_id) for system in wavs})
        for u in spoken_set.utterances[RECORDING][:num_listening]
    ]


def versions() -> str:
    """Versions and machine, a line."""
    import espnet2
    import torch

    from espnet2_nix.version import __version__

    return (
        f"espnet2_nix {__version__}, ESPnet {espnet2.__version__}, torch {torch.__version__}, "
        f"Python {platform.python_version()}, {platform.machine()}, {torch.get_num_threads()} thread(s)"
    )
