"""Speech of the start voice with the latents it came from: what the posterior encoder learns first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from espnet2_nix.data.progress import progress
from espnet2_nix.files import replace_file, write_text
from espnet2_nix.warm_start.errors import TeacherInitError
from espnet2_nix.warm_start.piper import PiperVoice, read_piper_voice

PAD, BEGIN, END = "_", "^", "$"  # Piper's marks: a pad after every symbol, an utterance between begin and end


def latent_name(path: str | Path) -> str:
    """The name of the decoder's input in a voice's graph.

    Raises:
        TeacherInitError: If the graph has no node that reads ``dec.conv_pre.weight``.
    """
    import onnx

    for node in onnx.load(str(path)).graph.node:
        if node.op_type == "Conv" and "dec.conv_pre.weight" in node.input:
            return str(node.input[0])
    raise TeacherInitError(f"{path}: expected a decoder that begins with dec.conv_pre, found none")


class StartVoice:
    """The graph of a Piper voice, with the latent as a second output.

    Args:
        voice: A voice that is a graph.
        num_threads: Threads of onnxruntime; 0 leaves the choice to it.

    Raises:
        TeacherInitError: If it is none.
    """

    def __init__(self, voice: PiperVoice, num_threads: int = 0) -> None:
        import onnx
        import onnxruntime

        if not voice.is_graph:
            raise TeacherInitError(f"{voice.path}: expected the .onnx of a voice, which can speak, found a checkpoint")
        model = onnx.load(str(voice.path))
        latent = latent_name(voice.path)
        model.graph.output.append(onnx.helper.make_tensor_value_info(latent, onnx.TensorProto.FLOAT, None))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = num_threads
        self.voice = voice
        self.session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    def ids(self, phonemes: str) -> list[int]:
        """Piper's ids of a phonemised sentence; symbols that the voice does not know are left out."""
        table = self.voice.phoneme_ids
        row = [*table[BEGIN], *table[PAD]]
        for symbol in phonemes:
            if symbol in table:
                row += [*table[symbol], *table[PAD]]
        return row + table[END]

    def speak(
        self, phonemes: str, noise_scale: float = 1.0, length_scale: float = 1.0, noise_scale_dur: float = 0.8
    ) -> tuple[np.ndarray, np.ndarray]:
        """Speaks a phonemised sentence.

        Args:
            phonemes: One character a symbol, as espeak-ng writes IPA.
            noise_scale: Noise of the prior; 1 draws the latents as the decoder knew them in its training.
            length_scale: Factor on durations.
            noise_scale_dur: Noise of the duration predictor.

        Returns:
            Waveform (T_wav,) and latent (T_feats, H), both float32; T_wav = hop * T_feats.
        """
        row = self.ids(phonemes)
        feed = {
            "input": np.array([row], np.int64),
            "input_lengths": np.array([len(row)], np.int64),
            "scales": np.array([noise_scale, length_scale, noise_scale_dur], np.float32),
        }
        wav, latent = self.session.run(None, feed)
        return wav.reshape(-1), latent[0].T


def known_share(phonemes: Sequence[str], table: Mapping[str, list[int]]) -> float:
    """The share of a list's symbols that a voice knows."""
    symbols = [symbol for line in phonemes for symbol in line]
    return sum(symbol in table for symbol in symbols) / max(1, len(symbols))


def read_phonemes(path: str | Path | None, voice: PiperVoice) -> list[str]:
    """A list of phonemised sentences, one a line.

    Args:
        path: The list; None takes the one that comes with the package for the voice's language.
        voice: The voice that is to read them.

    Raises:
        TeacherInitError: If the file is missing or empty, or the voice knows less than nine tenths of its symbols.
    """
    if path is None:
        path = Path(__file__).parent / "phonemes" / f"{voice.language}.txt"
        if not path.is_file():
            at_hand = ", ".join(sorted(p.stem for p in path.parent.glob("*.txt")))
            raise TeacherInitError(
                f"{voice.path.name} speaks {voice.language or 'a language that its JSON does not name'}; sentences are at "
                f"hand for {at_hand}. Write 400 of your own, one a line, phonemise each (espeak-ng -q --ipa -v "
                f"{voice.language or 'LANGUAGE'} SENTENCE) and give --start_phonemes FILE"
            )
    path = Path(path)
    if not path.is_file():
        raise TeacherInitError(f"{path} not found; give a file of phonemised sentences, one a line (espeak-ng --ipa)")
    lines = [line.strip() for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]
    share = known_share(lines, voice.phoneme_ids)
    if not lines or share < 0.9:
        raise TeacherInitError(
            f"{path}: expected sentences in the symbols of {voice.path.name}, found {len(lines)} of which it knows "
            f"{100 * share:.0f} %; write them with: espeak-ng -q --ipa -v {voice.language or 'LANGUAGE'} SENTENCE"
        )
    return lines


def write_start_speech(
    voice_file: Path,
    phonemes_file: Path | None,
    outdir: Path,
    fs: int,
    n_shift: int,
    num_valid: int = 12,
    noise_scale: float = 1.0,
    num_threads: int = 0,
) -> float:
    """Writes waves and latents of the start voice as ESPnet reads them; sentences that stand are kept.

    Args:
        voice_file: The Piper voice.
        phonemes_file: See ``read_phonemes``.
        outdir: Gets ``wav/ID.flac``, ``latent/ID.npy`` (T_feats, H), float16, and by set ``train`` and ``valid`` the
            tables ``wav.scp``, ``latent.scp`` and ``speech_shape`` (samples), and ``latent_stats.npz``, mean and
            deviation of the latent by channel (H,). The tables come last.
        fs: Sampling rate in Hz.
        n_shift: Samples a frame.
        num_valid: Sentences of ``valid``, the first ones.
        noise_scale: Noise of the prior.
        num_threads: Threads of onnxruntime.

    Returns:
        Seconds of speech.

    Raises:
        TeacherInitError: If the voice or the list does not fit.
    """
    import soundfile

    voice = read_piper_voice(voice_file, fs, n_shift)
    lines = read_phonemes(phonemes_file, voice)
    speaker = StartVoice(voice, num_threads)
    for folder in ("wav", "latent", "train", "valid"):
        (outdir / folder).mkdir(parents=True, exist_ok=True)
    rows: list[tuple[str, Path, Path, int]] = []
    for i, line in enumerate(progress(lines, "sentences of the start voice")):
        utt_id = f"start_{i:05d}"
        wav_file, latent_file = outdir / "wav" / f"{utt_id}.flac", outdir / "latent" / f"{utt_id}.npy"
        if not (wav_file.is_file() and latent_file.is_file()):
            wav, latent = speaker.speak(line, noise_scale=noise_scale)
            with replace_file(wav_file) as aside:
                soundfile.write(aside, wav, fs, subtype="PCM_16", format="FLAC")
            with replace_file(latent_file) as aside, aside.open("wb") as f:
                np.save(f, latent.astype(np.float16))
        rows.append((utt_id, wav_file, latent_file, soundfile.info(wav_file).frames))
    frames = np.concatenate([np.load(row[2]).astype(np.float32) for row in rows])
    with replace_file(outdir / "latent_stats.npz") as aside, aside.open("wb") as f:
        np.savez(f, mean=frames.mean(0), std=frames.std(0))
    for name, part_rows in (("valid", rows[:num_valid]), ("train", rows[num_valid:])):
        for table, column in (("latent.scp", 2), ("speech_shape", 3), ("wav.scp", 1)):
            write_text(outdir / name / table, "".join(f"{row[0]} {row[column]}\n" for row in part_rows))
    return sum(row[3] for row in rows) / fs
