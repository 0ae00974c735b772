"""A voice on disk, and speech from it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from espnet2_nix.errors import UserError
from espnet2_nix.files import replace_file
from espnet2_nix.runtime.installed import find_voice
from espnet2_nix.runtime.sentences import SENTENCE_ENDS, split_sentences
from espnet2_nix.runtime.timings import MARKS, SPACE, Timings
from espnet2_nix.text import Lexicon, frontend_info, token_list, tokenize
from espnet2_nix.text.vocabulary import Vocabulary

FORMAT_VERSION = 1
GRAPHS = ("text_encoder.onnx", "latent_encoder.onnx", "decoder.onnx")
FIRST_CHUNK = 24  # latent frames: small, so that the first audio comes soon
LARGEST_CHUNK = 512
# The text encoder sees a piece as a whole before the first sample: what is longer is cut, at a mark, at a blank or at all.
LONGEST_PIECE = {",": 200, SPACE: 320, None: 480}  # tokens; a second of speech has about 20
PAUSE_AFTER = {".": 0.35, "?": 0.35, "!": 0.35, ",": 0.15}  # seconds between pieces


class VoiceError(UserError):
    """A voice that cannot be used, or a text that cannot be spoken; the message says what to do."""


@dataclass(frozen=True)
class Audio:
    """Speech.

    Attributes:
        samples: (T_wav,) float32 in [-1, 1].
        sample_rate: Samples a second.
        timings: When each jamo, syllable and word is said.
    """

    samples: np.ndarray
    sample_rate: int
    timings: Timings

    def write(self, path: str | os.PathLike[str]) -> None:
        """Writes a 16-bit wav, aside and then renamed."""
        import soundfile

        with replace_file(path) as aside:
            soundfile.write(aside, self.samples, self.sample_rate, subtype="PCM_16", format="WAV")


@dataclass(frozen=True)
class _Piece:
    """A sentence or a part of one: its tokens, and the pause after it in samples."""

    tokens: list[str]
    pause: int


class Voice:
    """Speaks Korean text; made by `Voice.load`.

    Attributes:
        info: What voice.json holds.
        sample_rate: Samples a second.
    """

    def __init__(self, info: dict[str, Any], sessions: dict[str, Any]) -> None:
        self.info = info
        self.sample_rate = int(info["sample_rate"])
        self._hop = int(info["hop_length"])
        self._vocabulary = Vocabulary(info["token_list"])
        self._g2p = info["frontend"]["name"]
        self._fields = {name: tuple(field) for name, field in info["receptive_field"].items()}
        self._sessions = sessions

    @staticmethod
    def load(path: str | os.PathLike[str] | None = None, threads: int = 1) -> Voice:
        """Loads a voice.

        Args:
            path: The folder that stage 12 wrote, or the name of a voice at hand (`nix-tts --list_voices`); None is the first
                of them.
            threads: Threads of onnxruntime.

        Raises:
            MissingFileError: If None is given and no voice is at hand.
            VoiceError: If something is missing, damaged or of another version; the message says what.
        """
        path = find_voice(path)
        info = _read_info(path)
        for name, wanted in info["sha256"].items():
            _check_file(path / name, wanted)
        missing = [name for name in GRAPHS if name not in info["sha256"]]
        if missing:
            raise VoiceError(f"{path}: voice.json lists no {', '.join(missing)}; export the voice again (stage 12)")
        try:
            known = frontend_info(info["frontend"]["name"])
        except UserError as error:
            raise VoiceError(f"{path}: {error}; install the espnet2_nix that made the voice") from error
        if known != info["frontend"]:
            raise VoiceError(
                f"{path}: made with front-end {info['frontend']['name']} {info['frontend']['version']}, this package has "
                f"version {known['version']}; install the espnet2_nix that made the voice, or export it again"
            )
        unknown = sorted(set(token_list()[2:-1]) - set(info["token_list"]))
        if unknown:
            raise VoiceError(f"{path}: the token list of voice.json lacks {' '.join(unknown[:5])}; export it again")
        return Voice(info, {name: _session(path / name, threads) for name in GRAPHS})

    # ---- text

    def _pieces(self, text: str, lexicon: Lexicon | None) -> Iterator[_Piece]:
        """Cuts a text where sentences end, and a sentence that is too long where it may pause."""
        for sentence in split_sentences(text):
            piece: list[str] = []
            for token in tokenize(sentence, g2p=self._g2p, lexicon=lexicon):
                if not piece and (token == SPACE or token in MARKS):
                    continue
                piece.append(token)
                if token in SENTENCE_ENDS or len(piece) >= LONGEST_PIECE.get(token, LONGEST_PIECE[None]):
                    yield self._piece(piece)
                    piece = []
            if piece:
                yield self._piece(piece)

    def _piece(self, tokens: list[str]) -> _Piece:
        while len(tokens) > 1 and tokens[-1] == SPACE:
            tokens = tokens[:-1]
        return _Piece(tokens, round(PAUSE_AFTER.get(tokens[-1], 0.0) * self.sample_rate))

    # ---- speech

    def synthesize(
        self,
        text: str,
        speed: float = 1.0,
        noise_scale: float | None = None,
        seed: int = 0,
        lexicon: Lexicon | None = None,
    ) -> Audio:
        """Speaks a text.

        Args:
            text: Korean text of any length.
            speed: Factor on the rate of speech, above 0.
            noise_scale: Liveliness; None is the voice's default.
            seed: The same text and seed give the same samples.
            lexicon: A user's dictionary.

        Raises:
            VoiceError: If nothing of the text can be read, or an option is out of range.
        """
        timings = Timings(self.sample_rate)
        samples = list(self._speak(text, speed, noise_scale, seed, lexicon, lambda done: None, timings))
        return Audio(np.concatenate(samples), self.sample_rate, timings)

    def stream(
        self,
        text: str,
        speed: float = 1.0,
        noise_scale: float | None = None,
        seed: int = 0,
        chunk: int | None = None,
        lexicon: Lexicon | None = None,
        timings: Timings | None = None,
    ) -> Iterator[np.ndarray]:
        """Speaks a text piece by piece; joined, the pieces equal what `synthesize` returns.

        Args:
            text: As for `synthesize`, and so are the other arguments not named here.
            speed: See `synthesize`.
            noise_scale: See `synthesize`.
            seed: See `synthesize`.
            chunk: Latent frames of every piece; None begins with few, for an early start, and doubles them.
            lexicon: See `synthesize`.
            timings: Filled as the speech goes on.

        Yields:
            (T,) float32.
        """
        if chunk is not None and chunk < 1:
            raise VoiceError(f"chunk: expected 1 frame or more, found {chunk}")

        def next_chunk(done: int) -> int:
            return chunk if chunk is not None else min(max(FIRST_CHUNK, done), LARGEST_CHUNK)

        yield from self._speak(text, speed, noise_scale, seed, lexicon, next_chunk, timings)

    def synthesize_batch(self, texts: list[str], **options: Any) -> list[Audio]:
        """Speaks several texts, one after the other; a batch would gain nothing on one CPU thread."""
        return [self.synthesize(text, **options) for text in texts]

    def _speak(
        self,
        text: str,
        speed: float,
        noise_scale: float | None,
        seed: int,
        lexicon: Lexicon | None,
        next_chunk: Callable[[int], int | None],
        timings: Timings | None,
    ) -> Iterator[np.ndarray]:
        if not speed > 0:
            raise VoiceError(f"speed: expected a factor above 0, found {speed}")
        if noise_scale is None:
            noise_scale = float(self.info["defaults"]["noise_scale"])
        if noise_scale < 0:
            raise VoiceError(f"noise_scale: expected 0 or more, found {noise_scale}")
        if seed < 0:
            raise VoiceError(f"seed: expected 0 or more, found {seed}")
        pause, spoken = 0, False
        for index, piece in enumerate(self._pieces(text, lexicon)):
            if pause:
                if timings is not None:
                    timings.add_pause(pause)
                yield np.zeros(pause, dtype=np.float32)
            # The first piece has the seed itself, so that one sentence sounds as it does with PyTorch.
            noise = np.random.default_rng(seed if index == 0 else [seed, index])
            yield from self._speak_piece(piece.tokens, speed, noise_scale, noise, next_chunk, timings)
            pause, spoken = piece.pause, True
        if not spoken:
            raise VoiceError(f"expected Korean text, found nothing readable in {text[:40]!r}")

    def _speak_piece(
        self,
        tokens: list[str],
        speed: float,
        noise_scale: float,
        noise: np.random.Generator,
        next_chunk: Callable[[int], int | None],
        timings: Timings | None,
    ) -> Iterator[np.ndarray]:
        ids = np.array([self._vocabulary.ids(tokens)], dtype=np.int64)
        hidden, log_durations = self._run("text_encoder.onnx", ids)
        durations = np.maximum(np.ceil(np.exp(log_durations[0]) * np.float32(1.0 / speed)), 1).astype(np.int64)
        if timings is not None:
            timings.add(tokens, durations * self._hop)
        frame_token = np.repeat(np.arange(len(tokens)), durations)  # (T_feats,)
        num_frames = len(frame_token)
        left, right = self._fields["decoder"]
        latent_left, latent_right = self._fields["latent_encoder"]
        z = np.empty((1, 0, 0), dtype=np.float32)  # latent of frames z_start ... z_end - 1
        z_start = z_end = start = 0
        while start < num_frames:
            size = next_chunk(start)
            stop = num_frames if size is None else min(num_frames, start + size)
            begin, end = max(0, start - left), min(num_frames, stop + right)
            if end > z_end:  # only what is new goes through the latent encoder, with as much around it as it sees
                a, b = max(0, z_end - latent_left), min(num_frames, end + latent_right)
                m_s, logs_s = self._run("latent_encoder.onnx", hidden[:, :, frame_token[a:b]])
                m_s, logs_s = (x[:, :, z_end - a : end - a] for x in (m_s, logs_s))
                draws = noise.standard_normal((end - z_end, m_s.shape[1]), dtype=np.float32).T[None]
                new = m_s + np.float32(noise_scale) * np.exp(logs_s) * draws
                z = np.concatenate([z[:, :, begin - z_start :], new], axis=2) if z.size else new[:, :, begin:]
                z_end, z_start = end, begin
            elif begin > z_start:
                z, z_start = z[:, :, begin - z_start :], begin
            (wav,) = self._run("decoder.onnx", z[:, :, : end - begin])
            yield np.clip(wav[0, 0, (start - begin) * self._hop : (stop - begin) * self._hop], -1.0, 1.0)
            start = stop

    def _run(self, graph: str, value: np.ndarray) -> list[np.ndarray]:
        session = self._sessions[graph]
        return session.run(None, {session.get_inputs()[0].name: np.ascontiguousarray(value)})


def _read_info(path: Path) -> dict[str, Any]:
    if not path.is_dir():
        raise VoiceError(f"{path} is no folder; a voice is the folder that stage 12 writes: exp/nix_tts/voice")
    file = path / "voice.json"
    if not file.is_file():
        raise VoiceError(f"{file} not found; a voice is the folder that stage 12 writes: exp/nix_tts/voice")
    try:
        info = json.loads(file.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise VoiceError(f"{file} is damaged: {error}; copy or export the voice again") from error
    version = info.get("format_version") if isinstance(info, dict) else None
    if version != FORMAT_VERSION:
        raise VoiceError(
            f"{file}: format version {version}, this package reads version {FORMAT_VERSION}; "
            "install the espnet2_nix that made the voice, or export it again"
        )
    wanted = {"sample_rate", "hop_length", "token_list", "frontend", "receptive_field", "defaults", "sha256"}
    if missing := sorted(wanted - info.keys()):
        raise VoiceError(f"{file} lacks {', '.join(missing)}; export the voice again")
    return info


def _check_file(path: Path, wanted: str) -> None:
    if not path.is_file():
        raise VoiceError(f"{path} not found; the voice is incomplete, copy its whole folder again")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != wanted:
        raise VoiceError(
            f"{path} is damaged: its SHA-256 begins {found[:12]}, voice.json says {wanted[:12]}; copy it again"
        )


def _session(path: Path, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Threads that spin while they wait would take a core from everyone else between two chunks.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises classes of its own for a graph that it cannot read
        raise VoiceError(f"{path} cannot be loaded by onnxruntime {onnxruntime.__version__}: {error}") from error
