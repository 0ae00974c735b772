"""The teacher over a corpus: its latent of every utterance, stored once."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import soundfile
import torch

from espnet2_nix.data.kaldi_io import read_table
from espnet2_nix.data.progress import progress
from espnet2_nix.errors import UserError
from espnet2_nix.files import digest_of, digest_of_file, identity_of_file, write_text
from espnet2_nix.models.checkpoint import fingerprint
from espnet2_nix.models.encoder_ensemble import EncoderEnsemble
from espnet2_nix.models.load_encoder import load_encoder_of
from espnet2_nix.models.load_teacher import load_teacher
from espnet2_nix.models.teacher_latents import TeacherLatents, write_latents
from espnet2_nix.models.vits_teacher import VITSTeacher
from espnet2_nix.text.vocabulary import Vocabulary

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Corpus:
    """What the teacher reads and hears.

    Attributes:
        texts: Tokens, joined by blanks, by utterance id.
        recordings: Path of the recording of each.
        extra: Tokens of texts without a recording, by ids of their own.
        durations: Frames of each token of the texts, joined by blanks; empty leaves them to the teacher's own path.
    """

    texts: Mapping[str, str]
    recordings: Mapping[str, str]
    extra: Mapping[str, str]
    durations: Mapping[str, str]

    @staticmethod
    def read(
        text: Sequence[str], wav_scp: Sequence[str], extra_text: str | None = None, durations: str | None = None
    ) -> Corpus:
        """Reads its tables.

        Args:
            text: Tables of utterance id and tokens.
            wav_scp: Tables of their recordings, in the same order.
            extra_text: Table of tokens without recordings.
            durations: Table of frames of each token.

        Raises:
            UserError: If there are more tables of one kind, a recording is missing, or an id is given twice.
        """
        if len(text) != len(wav_scp):
            raise UserError(f"expected as many tables of --wav_scp as of --text, found {len(wav_scp)} and {len(text)}")
        texts: dict[str, str] = {}
        recordings: dict[str, str] = {}
        for text_table, wav_table in zip(text, wav_scp, strict=True):
            texts |= read_table(text_table)
            recordings |= read_table(wav_table)
        extra = read_table(extra_text) if extra_text else {}
        if twice := sorted(extra.keys() & texts.keys()):
            raise UserError(f"--extra_text: {', '.join(twice[:5])} are in --text as well; ids must be unique")
        for utt_id in texts:
            if utt_id not in recordings:
                raise UserError(f"--wav_scp: no recording of {utt_id}")
        return Corpus(texts, recordings, extra, read_table(durations) if durations else {})

    def digest(self) -> str:
        """Names texts, durations and recordings, the last by path, size and time: another preparation is another digest."""
        facts: list[object] = [self.texts, self.extra, self.durations] if self.durations else [self.texts, self.extra]
        for utt_id in self.texts:
            facts.append(identity_of_file(self.recordings[utt_id]))
        return digest_of(facts)

    def frames_of_tokens(self) -> dict[str, list[int]] | None:
        """Frames of each token by utterance; None where none are given.

        Raises:
            UserError: If one is no whole number.
        """
        try:
            table = {utt_id: [int(frames) for frames in row.split()] for utt_id, row in self.durations.items()}
        except ValueError as error:
            raise UserError(f"--durations: expected whole numbers of frames, found {error}") from error
        return table or None


def dump_latents(
    corpus: Corpus,
    teacher_train_config: str,
    teacher_model_file: str,
    outdir: str | Path,
    device: str = "cpu",
    extra_encoders: Sequence[str] = (),
) -> None:
    """Stores what encoder distillation takes from the teacher (see `write_latents`); keeps what is there of the same inputs.

    Args:
        corpus: What the teacher reads and hears.
        teacher_train_config: ``config.yaml`` of the teacher.
        teacher_model_file: Its weights.
        outdir: Where the files go.
        device: Where to compute.
        extra_encoders: Checkpoints of student encoders, ``config.yaml`` beside each, that read the texts without a recording
            together, in place of the teacher; two or more, or none.

    Raises:
        MissingFileError: If an encoder is not there.
        UserError: If a token is unknown, a recording has another rate than the teacher, a latent cannot be stored, or an
            encoder is not of this teacher's latent and tokens.
    """
    inputs, digest = Path(outdir) / "inputs.sha256", corpus.digest()
    if extra_encoders:
        digest = digest_of([digest, *(digest_of_file(path) for path in extra_encoders)])
    name = fingerprint(teacher_model_file)
    try:
        latents = TeacherLatents(outdir, name)
        if inputs.is_file() and inputs.read_text(encoding="utf-8").strip() == digest:
            logger.info("%s: %d utterances of this teacher, written before", outdir, len(latents.index))
            return
    except (OSError, ValueError):
        pass  # nothing usable: write it
    teacher = load_teacher(teacher_train_config, teacher_model_file)
    inputs.unlink(missing_ok=True)
    rows = _utterances(corpus, teacher, device)
    encoders = [load_encoder_of(teacher, Path(path).parent / "config.yaml", path) for path in extra_encoders]
    reader = EncoderEnsemble(encoders) if encoders else None
    num_frames = write_latents(outdir, teacher, name, rows, corpus.frames_of_tokens(), reader)
    write_text(inputs, digest + "\n")
    logger.info("%s: %d recordings and %d texts, %d frames", outdir, len(corpus.texts), len(corpus.extra), num_frames)


def _utterances(
    corpus: Corpus, teacher: VITSTeacher, device: str
) -> Iterator[tuple[str, torch.Tensor, torch.Tensor | None]]:
    """Id, token ids and waveform of every utterance; None in its place where there is no recording."""
    vocabulary = Vocabulary(teacher.token_list)
    for utt_id, text in progress([*corpus.texts.items(), *corpus.extra.items()], "utterances"):
        text_ids = torch.tensor(vocabulary.ids(text.split(), f"--text: {utt_id}"), device=device)
        if utt_id in corpus.extra:
            yield utt_id, text_ids, None
            continue
        path = corpus.recordings[utt_id]
        wav, found = soundfile.read(path, dtype="float32")
        if found != teacher.fs:
            raise UserError(f"{path}: expected {teacher.fs} Hz, the teacher's rate, found {found} Hz")
        yield utt_id, text_ids, torch.from_numpy(wav).to(device)
