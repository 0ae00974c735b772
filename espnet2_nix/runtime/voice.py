"""A voice on disk, and speech from it."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from espnet2_nix.errors import UserError
from espnet2_nix.runtime.audio_file import write_audio
from espnet2_nix.runtime.graphs import Graphs
from espnet2_nix.runtime.installed import find_voice
from espnet2_nix.runtime.sentences import SENTENCE_ENDS, split_sentences
from espnet2_nix.runtime.timings import MARKS, SPACE, Timings
from espnet2_nix.text import Lexicon, tokenize
from espnet2_nix.text.compatibility import check_frontend
from espnet2_nix.text.vocabulary import Vocabulary
from espnet2_nix.voice_format import DECODER, LATENT_ENCODER, TEXT_ENCODER, SpeakOptions, VoiceError, VoiceInfo

FIRST_CHUNK = 24  # latent frames: small, so that the first audio comes soon
LARGEST_CHUNK = 512
# The text encoder sees a piece as a whole before the first sample: what is longer is cut, at a mark, at a blank or at all.
LONGEST_PIECE = {",": 200, SPACE: 320, None: 480}  # tokens; a second of speech has about 20
PAUSE_AFTER = {".": 0.35, "?": 0.35, "!": 0.35, ",": 0.15}  # seconds between pieces


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
        """Writes a file, whole or not at all; the ending decides the format: .wav, .flac, .ogg, .opus or .mp3.

        Raises:
            UserError: The ending is another, or the file cannot be written.
        """
        write_audio(path, [self.samples], self.sample_rate)


@dataclass(frozen=True)
class _Piece:
    """A sentence or a part of one: its tokens, and the pause after it in samples."""

    tokens: list[str]
    pause: int


class Voice:
    """Speaks Korean text; made by `Voice.load`.

    Args:
        info: What voice.json holds.
        graphs: The graphs.

    Attributes:
        info: What voice.json holds.
        sample_rate: Samples a second.
    """

    def __init__(self, info: VoiceInfo, graphs: Graphs) -> None:
        self.info, self.graphs = info, graphs
        self.sample_rate = info.sample_rate
        self._vocabulary = Vocabulary(info.token_list)

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
        info = VoiceInfo.read(path)
        info.check_files(path)
        try:
            check_frontend(info.frontend, info.token_list, path)
        except UserError as error:
            raise VoiceError(str(error)) from error
        return Voice(info, Graphs(path, threads))

    # ---- text

    def _pieces(self, text: str, lexicon: Lexicon | None) -> Iterator[_Piece]:
        """Cuts a text where sentences end, and a sentence that is too long where it may pause."""
        for sentence in split_sentences(text):
            piece: list[str] = []
            for token in tokenize(sentence, g2p=self.info.frontend["name"], lexicon=lexicon):
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

    def synthesize(self, text: str, options: SpeakOptions | None = None, **changes: Any) -> Audio:
        """Speaks a text.

        Args:
            text: Korean text of any length.
            options: How to speak.
            changes: Fields of `SpeakOptions` that are otherwise: speed, noise_scale, seed, lexicon.

        Raises:
            VoiceError: If nothing of the text can be read, or an option is out of range.
        """
        options = dataclasses.replace(options or SpeakOptions(), **changes)
        timings = Timings(self.sample_rate)
        samples = list(self._speak(text, options, lambda done: None, timings))
        return Audio(np.concatenate(samples), self.sample_rate, timings)

    def stream(
        self,
        text: str,
        options: SpeakOptions | None = None,
        chunk: int | None = None,
        timings: Timings | None = None,
        **changes: Any,
    ) -> Iterator[np.ndarray]:
        """Speaks a text piece by piece; joined, the pieces equal what `synthesize` returns.

        Args:
            text: Korean text of any length.
            options: How to speak.
            chunk: Latent frames of every piece; None begins with few, for an early start, and doubles them.
            timings: Filled as the speech goes on.
            changes: Fields of `SpeakOptions` that are otherwise: speed, noise_scale, seed, lexicon.

        Yields:
            (T,) float32.

        Raises:
            VoiceError: If nothing of the text can be read, or an option is out of range.
        """
        options = dataclasses.replace(options or SpeakOptions(), **changes)
        if chunk is not None and chunk < 1:
            raise VoiceError(f"chunk: expected 1 frame or more, found {chunk}")

        def next_chunk(done: int) -> int:
            return chunk if chunk is not None else min(max(FIRST_CHUNK, done), LARGEST_CHUNK)

        yield from self._speak(text, options, next_chunk, timings)

    def synthesize_batch(self, texts: list[str], options: SpeakOptions | None = None, **changes: Any) -> list[Audio]:
        """Speaks several texts, one after the other; a batch would gain nothing on one CPU thread."""
        return [self.synthesize(text, options, **changes) for text in texts]

    def speak_tokens(self, tokens: list[str], options: SpeakOptions | None = None) -> np.ndarray:
        """Speaks what the front-end made of one sentence, in whole: (T_wav,) float32.

        Raises:
            VoiceError: If the voice does not know a token.
        """
        options = options or SpeakOptions()
        noise = np.random.default_rng(options.seed)
        return np.concatenate(list(self._speak_piece(tokens, options, noise, lambda done: None, None)))

    def _speak(
        self,
        text: str,
        options: SpeakOptions,
        next_chunk: Callable[[int], int | None],
        timings: Timings | None,
    ) -> Iterator[np.ndarray]:
        pause, spoken = 0, False
        for index, piece in enumerate(self._pieces(text, options.lexicon)):
            if pause:
                if timings is not None:
                    timings.add_pause(pause)
                yield np.zeros(pause, dtype=np.float32)
            # The first piece has the seed itself, so that one sentence sounds as it does with PyTorch.
            noise = np.random.default_rng(options.seed if index == 0 else [options.seed, index])
            yield from self._speak_piece(piece.tokens, options, noise, next_chunk, timings)
            pause, spoken = piece.pause, True
        if not spoken:
            raise VoiceError(f"expected Korean text, found nothing readable in {text[:40]!r}")

    def _speak_piece(
        self,
        tokens: list[str],
        options: SpeakOptions,
        noise: np.random.Generator,
        next_chunk: Callable[[int], int | None],
        timings: Timings | None,
    ) -> Iterator[np.ndarray]:
        hop = self.info.hop_length
        noise_scale = np.float32(self.info.noise_scale if options.noise_scale is None else options.noise_scale)
        ids = np.array([self._vocabulary.ids(tokens)], dtype=np.int64)
        hidden, log_durations = self.graphs.run(TEXT_ENCODER, ids)
        durations = np.maximum(np.ceil(np.exp(log_durations[0]) * np.float32(1.0 / options.speed)), 1).astype(np.int64)
        if timings is not None:
            timings.add(tokens, durations * hop)
        frame_token = np.repeat(np.arange(len(tokens)), durations)  # (T_feats,)
        num_frames = len(frame_token)
        left, right = self.info.receptive_field["decoder"]
        latent_left, latent_right = self.info.receptive_field["latent_encoder"]
        z = np.empty((1, 0, 0), dtype=np.float32)  # latent of frames z_start ... z_end - 1
        z_start = z_end = start = 0
        while start < num_frames:
            size = next_chunk(start)
            stop = num_frames if size is None else min(num_frames, start + size)
            begin, end = max(0, start - left), min(num_frames, stop + right)
            if end > z_end:  # only what is new goes through the latent encoder, with as much around it as it sees
                a, b = max(0, z_end - latent_left), min(num_frames, end + latent_right)
                m_s, logs_s = self.graphs.run(LATENT_ENCODER, hidden[:, :, frame_token[a:b]])
                m_s, logs_s = (x[:, :, z_end - a : end - a] for x in (m_s, logs_s))
                draws = noise.standard_normal((end - z_end, m_s.shape[1]), dtype=np.float32).T[None]
                new = m_s + noise_scale * np.exp(logs_s) * draws
                z = np.concatenate([z[:, :, begin - z_start :], new], axis=2) if z.size else new[:, :, begin:]
                z_end, z_start = end, begin
            elif begin > z_start:
                z, z_start = z[:, :, begin - z_start :], begin
            (wav,) = self.graphs.run(DECODER, z[:, :, : end - begin])
            if wav.shape[2] != hop * (end - begin):
                raise VoiceError(
                    f"the decoder makes {wav.shape[2]} samples of {end - begin} frames, voice.json says hop_length {hop}; "
                    "export the voice again"
                )
            yield np.clip(wav[0, 0, (start - begin) * hop : (stop - begin) * hop], -1.0, 1.0)
            start = stop
