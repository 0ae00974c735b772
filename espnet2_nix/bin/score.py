#!/usr/bin/env python3
"""Stage 10: measures the synthesised speech; writes RESULTS.md, pictures and the listening page index.html."""

from __future__ import annotations

import argparse
import json
import logging
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from espnet2_nix.bin import command
from espnet2_nix.bin.tts_inference import TABLE_FIELDS
from espnet2_nix.data.kaldi_io import read_table
from espnet2_nix.data.progress import progress
from espnet2_nix.errors import UserError
from espnet2_nix.files import write_text

if TYPE_CHECKING:
    from espnet2_nix.evaluation.results import Scores
    from espnet2_nix.evaluation.scores import Scorer, Utterance

logger = logging.getLogger(__name__)

Row = dict[str, object]


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data_dir", required=True, help="folder of the sets: SET/{wav.scp,text,text.raw}")
    parser.add_argument("--inference_dir", required=True, help="folder of stage 9: SET/SYSTEM/{wav,utterances.tsv}")
    parser.add_argument("--test_sets", required=True, nargs="+", help="names of the sets")
    parser.add_argument("--model_dir", required=True, help="folder of the student")
    parser.add_argument("--teacher_train_config", default=None, help="config.yaml of the teacher")
    parser.add_argument(
        "--train_dirs", nargs="*", default=[], help="folders of the trainings, for the curves of their losses"
    )
    parser.add_argument("--fs", type=int, default=22050, help="sampling rate, Hz")
    parser.add_argument("--n_fft", type=int, default=1024, help="points of the spectrogram")
    parser.add_argument("--n_shift", type=int, default=256, help="samples a frame")
    parser.add_argument("--asr_model", default="", help="Whisper model for the character error rate; empty: none")
    parser.add_argument("--skip_measures", nargs="*", default=[], help="costly measures to leave out: dnsmos, world")
    parser.add_argument(
        "--compare_scores",
        nargs="*",
        default=[],
        metavar="LABEL=FILE",
        help="scores.json of other students, whose rows go into the tables",
    )
    parser.add_argument("--num_listening", type=int, default=20, help="utterances of each set to listen to and to draw")
    parser.add_argument("--command", default="", help="the recipe's command, for the record")
    parser.add_argument("--outdir", required=True, help="where RESULTS.md, index.html and pictures/ go")
    return parser


def read_rows(path: Path) -> dict[str, Row]:
    """Reads what stage 9 wrote of one system and set."""
    rows: dict[str, Row] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        fields = line.split("\t")
        if len(fields) != len(TABLE_FIELDS):
            raise UserError(f"{path}, line {number}: expected {len(TABLE_FIELDS)} fields, found {len(fields)}")
        row = dict(zip(TABLE_FIELDS, fields, strict=True))
        rows[row["utt_id"]] = {
            "seconds": float(row["seconds"]),
            "elapsed": float(row["elapsed"]),
            "durations": [int(frames) for frames in row["durations"].split()],
            "latent_loss": float(row["latent_loss"]),
        }
    return rows


def read_set(args: argparse.Namespace, dset: str) -> tuple[dict[str, list[Utterance]], dict[str, dict[str, Row]]]:
    """Utterances and rows of a set, by system; the recording comes first."""
    from espnet2_nix.evaluation.scores import SAME_LENGTH, Utterance
    from espnet2_nix.inference.systems import SYSTEMS

    folder, data = Path(args.inference_dir) / dset, Path(args.data_dir) / dset
    recordings, texts = read_table(data / "wav.scp"), read_table(data / "text.raw")
    rows = {
        system: read_rows(folder / system / "utterances.tsv")
        for system in SYSTEMS
        if (folder / system / "utterances.tsv").is_file()
    }
    if not rows:
        raise UserError(f"no utterances.tsv under {folder}; stage 9 writes it: ./run.sh --stage 9 --stop_stage 9")
    # Any system as long as the recording speaks at its durations.
    reference = next((rows[system] for system in SAME_LENGTH if system in rows), {})
    utterances = {"recording": [Utterance(u, texts[u], Path(recordings[u]), Path(recordings[u])) for u in recordings]}
    for system, table in rows.items():
        unknown = sorted(table.keys() - recordings.keys())
        if unknown:
            raise UserError(f"{folder / system}: {', '.join(unknown[:5])} are not in {data}; run stage 9 again")
        utterances[system] = [
            Utterance(
                utt_id,
                texts[utt_id],
                Path(recordings[utt_id]),
                folder / system / "wav" / f"{utt_id}.wav",
                row["durations"],
                reference.get(utt_id, {}).get("durations", []),
                row["latent_loss"],
            )
            for utt_id, row in table.items()
        ]
    return utterances, rows


def score_set(
    args: argparse.Namespace, dset: str, scorer: Scorer, utterances: dict[str, list[Utterance]]
) -> dict[str, Scores]:
    """Scores of every system of a set."""
    scores = {}
    for system, members in utterances.items():
        # The recordings are the same for every student: measured once for all.
        folder = args.data_dir if system == "recording" else args.inference_dir
        cache = Path(folder) / dset / f"scores.{system}.json"
        scores[system] = scorer.score_all(system, progress(members, f"utterances of {dset} by {system}"), cache)
    return scores


def costs(args: argparse.Namespace, rows: dict[str, dict[str, Row]]) -> tuple[list[str], list[list[str]]]:
    """Real-time factor, parameters and size of what speaks."""
    from espnet2_nix.tasks.nix_tts import count, load_student
    from espnet2_nix.tasks.teacher import load_vits

    parameters: dict[str, int] = {}
    student = Path(args.model_dir) / "config.yaml"
    if student.is_file():
        parameters["student"] = count(load_student(student, student.with_name("model.pth"))[0].tts)
    if args.teacher_train_config and Path(args.teacher_train_config).is_file():
        generator = load_vits(args.teacher_train_config, None)[0].tts.generator
        parameters["teacher"] = count(generator) - count(generator.posterior_encoder)
    lines = []
    for system in ("teacher", "student"):
        if system in rows:
            rtf = sum(row["elapsed"] for row in rows[system].values()) / sum(
                row["seconds"] for row in rows[system].values()
            )
            known = system in parameters
            lines.append(
                [
                    system,
                    f"{rtf:.4f}",
                    f"{parameters[system]:,}" if known else "unknown",
                    f"{4e-6 * parameters[system]:.1f}" if known else "unknown",
                ]
            )
    return ["system", "RTF", "parameters", "MB in fp32"], lines


def draw(
    args: argparse.Namespace, dset: str, utterances: dict[str, list[Utterance]], scores: dict[str, Scores]
) -> list:
    """Pictures of a set: caption and file."""
    import numpy as np
    import soundfile

    from espnet2_nix.evaluation.mel_distance import log_mel
    from espnet2_nix.evaluation.plots import plot_alignment, plot_mels, plot_scatter

    folder = Path(args.outdir) / "pictures" / dset
    folder.mkdir(parents=True, exist_ok=True)
    tokens = read_table(Path(args.data_dir) / dset / "text")
    by_id = {system: {u.utt_id: u for u in members} for system, members in utterances.items()}
    pictures = []
    for utt_id in sorted(by_id["recording"])[: min(3, args.num_listening)]:
        shown = [system for system in ("recording", "teacher", "student") if utt_id in by_id.get(system, {})]
        mels = {
            system: log_mel(soundfile.read(by_id[system][utt_id].wav)[0], args.fs, args.n_fft, args.n_shift)
            for system in shown
        }
        plot_mels(mels, folder / f"mel.{utt_id}.png", args.fs, args.n_shift)
        pictures.append((f"Mel-spectrograms of {utt_id} ({dset})", folder / f"mel.{utt_id}.png"))
        spoken = {system: by_id[system][utt_id] for system in shown if system != "recording"}
        durations = {system: np.array(utterance.durations) for system, utterance in spoken.items()}
        references = [u.reference_durations for u in spoken.values() if u.reference_durations]
        if references:
            durations = {"recording": np.array(references[0]), **durations}
        if not durations:
            continue
        path = folder / f"alignment.{utt_id}.png"
        plot_alignment(durations, tokens[utt_id].split(), path, args.n_shift / args.fs)
        pictures.append((f"Tokens in time of {utt_id} ({dset})", path))
    points = {
        system: (
            np.array([s["mcd"] for s in table.values()]),
            np.array([100 * s["cer_errors"] / max(1, s["cer_characters"]) for s in table.values()]),
        )
        for system, table in scores.items()
        if system != "recording" and all({"cer_errors", "mcd"} <= s.keys() for s in table.values())
    }
    if points:
        plot_scatter(points, folder / "cer_mcd.png", "MCD, dB", "CER, %")
        pictures.append((f"CER against MCD, an utterance a point ({dset})", folder / "cer_mcd.png"))
    return pictures


def draw_losses(args: argparse.Namespace) -> list:
    """Curves of the losses of every training whose log is there."""
    from espnet2_nix.evaluation.plots import plot_losses, read_losses

    pictures = []
    folder = Path(args.outdir) / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    for train_dir in args.train_dirs:
        if not (Path(train_dir) / "train.log").is_file():
            logger.info("%s/train.log not found: no curves of its losses", train_dir)
            continue
        curves = read_losses(Path(train_dir))
        if curves:
            path = folder / f"losses.{Path(train_dir).name}.png"
            plot_losses(curves, path)
            pictures.append((f"Losses of {Path(train_dir).name}", path))
    return pictures


def versions() -> str:
    """Versions and machine, a line."""
    import espnet2
    import torch

    from espnet2_nix.version import __version__

    return (
        f"espnet2_nix {__version__}, ESPnet {espnet2.__version__}, torch {torch.__version__}, "
        f"Python {platform.python_version()}, {platform.machine()}, {torch.get_num_threads()} thread(s)"
    )


@command
def main(cmd: Sequence[str] | None = None) -> None:
    args = get_parser().parse_args(cmd)
    from espnet2_nix.evaluation.page import PageRow, Table, write_page
    from espnet2_nix.evaluation.results import FRAME_BY_FRAME, SPEECH, markdown, read_scores, table
    from espnet2_nix.evaluation.scores import Scorer
    from espnet2_nix.inference.systems import SYSTEMS

    outdir = Path(args.outdir)
    for entry in args.compare_scores:  # before the measuring, which may take an hour
        if not Path(entry.partition("=")[2]).is_file():
            raise UserError(
                f"--compare_scores, LABEL=FILE: {entry} not found; stage 10 writes it: ./run.sh --stage 10 --stop_stage 10"
            )
    scorer = Scorer(args.fs, args.n_fft, args.n_shift, args.asr_model, skip=args.skip_measures)
    sections, tables, page_rows, pictures, columns, notes = [], [], [], [], ["recording"], []
    results: dict[str, dict[str, Scores]] = {}
    for dset in args.test_sets:
        utterances, rows = read_set(args, dset)
        scores = results[dset] = score_set(args, dset, scorer, utterances)
        shown = dict(scores)
        for entry in args.compare_scores:
            try:
                # Only what that student has a part in: recording and teacher are the same.
                others = read_scores([entry], dset, [system for system in SYSTEMS if "student" in system])
            except UserError as error:
                notes.append(f"- Not compared: {error}.")
                continue
            shown |= {f"{label}: {system}": other for (label, system), other in others.items()}
        for title, measures in (("speech", SPEECH), ("frame by frame against the recording", FRAME_BY_FRAME)):
            head, lines = table(measures, shown)
            if lines:
                sections.append(f"## {dset}: {title}\n\n{markdown(head, lines)}\n")
                tables.append(Table(head, lines, f"{dset}: {title}"))
        head, lines = costs(args, rows)
        sections.append(f"## {dset}: cost, model call only\n\n{markdown(head, lines)}\n")
        tables.append(Table(head, lines, f"{dset}: cost, model call only"))
        pictures += draw(args, dset, utterances, scores)
        columns += [system for system in utterances if system not in columns]
        wavs = {system: {u.utt_id: u.wav for u in members} for system, members in utterances.items()}
        page_rows += [
            PageRow(f"{dset} {u.utt_id}", u.text, {system: wavs[system].get(u.utt_id) for system in wavs})
            for u in utterances["recording"][: args.num_listening]
        ]
    pictures += draw_losses(args)
    notes += [f"- {m.title}: {m.note}." for m in (*SPEECH, *FRAME_BY_FRAME)]
    notes += [f"- {name} is left out: {reason}." for name, reason in scorer.skipped.items()]
    notes += ["- In brackets: 95 % bootstrap interval over utterances (1,000 draws, seed 0). Speech: seed 0."]
    write_text(outdir / "scores.json", json.dumps(results, ensure_ascii=False, indent=1))
    command_text = f"\n## Command\n\n```sh\n{args.command}\n```\n" if args.command else ""
    notes_text = "## Notes\n\n" + "\n".join(notes) + "\n"
    write_text(outdir / "RESULTS.md", "".join([f"# Results\n\n{versions()}\n\n", *sections, notes_text, command_text]))
    write_page(
        outdir / "index.html",
        "Nix-TTS",
        columns,
        page_rows,
        tables,
        pictures,
        [text for text in (versions(), args.command) if text],
    )
    logger.info("%s:\n%s", outdir / "RESULTS.md", (outdir / "RESULTS.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
