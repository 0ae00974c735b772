"""A synthetic corpus in KSS's layout, in which the text determines the sound.

Every jamo has a duration, an excitation and three formants of its own, all computed from its place in the inventory:
vowels are voiced, plosives and fricatives are bands of noise, sonorants lie between. It is no speech that anyone would
understand; it is speech-like enough that an aligner and a vocoder can learn it within minutes.
"""

from __future__ import annotations

import os
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from espnet2_nix.data.kss import TRANSCRIPT
from espnet2_nix.data.progress import progress
from espnet2_nix.files import replace_file, write_text
from espnet2_nix.text.tokens import FINALS, INITIALS, MEDIALS, SPACE, to_jamo

FS = 44100
F0 = 190.0
SUBJECTS = [
    "나는",
    "우리는",
    "아이가",
    "친구가",
    "할머니는",
    "고양이가",
    "선생님은",
    "동생이",
    "바람이",
    "구름은",
    "강아지가",
    "이웃이",
]
PLACES = ["집에서", "학교에서", "바닷가에서", "부엌에서", "마당에서", "도서관에서", "시장에서", "언덕에서", "버스에서"]
OBJECTS = [
    "사과를",
    "노래를",
    "그림을",
    "책을",
    "편지를",
    "커피를",
    "모자를",
    "꽃을",
    "연필을",
    "우산을",
    "떡국을",
    "빵을",
]
VERBS = [
    "먹는다.",
    "부른다.",
    "그린다.",
    "읽는다.",
    "쓴다.",
    "마신다.",
    "찾는다.",
    "좋아해요.",
    "보았어요?",
    "가져와!",
    "샀을까?",
    "잃었네.",
]
COUNTED = (("3개를", "세 개를"), ("2권을", "두 권을"), ("5명이", "다섯 명이"), ("10분을", "십 분을"))


@dataclass(frozen=True)
class Sound:
    """What one token sounds like.

    Attributes:
        seconds: duration.
        voiced: amplitude of the harmonics.
        noise: amplitude of the noise.
        formants: centres of three resonances, Hz; the noise lies around the last.
    """

    seconds: float
    voiced: float
    noise: float
    formants: tuple[float, float, float]


def sound_of(token: str) -> Sound:
    """The sound of a jamo, a blank or a mark."""
    if token in MEDIALS:
        i = MEDIALS.index(token)
        return Sound(0.10 + 0.004 * (i % 7), 1.0, 0.0, (280 + 90 * (i % 6), 800 + 260 * (i % 7), 2500 + 150 * (i % 5)))
    if token in INITIALS:
        i = INITIALS.index(token)
        if i in (2, 5, 6, 11):  # ㄴ ㄹ ㅁ and the silent ㅇ: sonorants
            return Sound(0.065, 0.35, 0.02, (220 + 15 * i, 1000 + 120 * i, 2200 + 60 * i))
        return Sound(0.06 + 0.003 * (i % 5), 0.05, 0.3, (300, 1500, 2000 + 290 * i))
    if token in FINALS:
        i = FINALS.index(token)
        return Sound(0.07, 0.30, 0.05, (200 + 12 * i, 900 + 70 * i, 1800 + 160 * i))
    return Sound(0.08 if token == SPACE else 0.16, 0.0, 0.0, (500, 1500, 2500))


def synthesise(text: str, seed: int) -> np.ndarray:
    """Sound of a text.

    Args:
        text: Hangul, blanks and marks.
        seed: Seed of the noise.

    Returns:
        (T_wav,) float32 at FS, with a quarter of a second of near silence on both sides.
    """
    rng = np.random.default_rng(seed)
    sounds = [sound_of(token) for token in to_jamo(text)]
    lengths = [round(sound.seconds * FS) for sound in sounds]
    tracks = np.concatenate(
        [np.tile(np.array([[s.voiced, s.noise, *s.formants]]).T, n) for s, n in zip(sounds, lengths, strict=True)],
        axis=1,
    )
    # Sounds glide into each other over 15 ms.
    window = np.hanning(round(0.015 * FS))
    window /= window.sum()
    tracks = np.stack([np.convolve(np.pad(t, len(window) // 2, "edge"), window, "same") for t in tracks])
    voiced, noise, *formants = tracks
    num = tracks.shape[1]
    f0 = F0 * np.linspace(1.1, 1.25 if text.endswith("?") else 0.85, num)
    phase = 2 * np.pi * np.cumsum(f0) / FS
    wav = np.zeros(num)
    for harmonic in range(1, int(7500 // (F0 * 1.25))):
        frequency = harmonic * f0
        gain = sum(
            level * np.exp(-0.5 * ((frequency - centre) / width) ** 2)
            for level, centre, width in zip((1.0, 0.6, 0.35), formants, (90, 130, 200), strict=True)
        )
        wav += (gain + 0.01) * np.sin(harmonic * phase)
    wav = 0.25 * voiced * wav
    start = 0
    for sound, length in zip(sounds, lengths, strict=True):
        if sound.noise:
            spectrum = np.fft.rfft(rng.standard_normal(length))
            frequency = np.fft.rfftfreq(length, 1 / FS)
            band = np.fft.irfft(spectrum * np.exp(-0.5 * ((frequency - sound.formants[2]) / 500) ** 2), length)
            wav[start : start + length] += 0.7 * noise[start : start + length] * band
        start += length
    margin = round(0.25 * FS)
    wav = np.pad(wav, margin) + 1e-4 * rng.standard_normal(num + 2 * margin)
    return (0.9 * wav / max(1.0, np.abs(wav).max())).astype(np.float32)


def sentence(index: int) -> tuple[str, str]:
    """The text of a clip as printed and as read."""
    rng = np.random.default_rng([index, 2203])
    pick = lambda words: words[rng.integers(len(words))]  # noqa: E731
    words = [pick(SUBJECTS)]
    if rng.random() < 0.5:
        words[0] += ","
    if rng.random() < 0.5:
        words.append(pick(PLACES))
    printed, read = pick(COUNTED) if rng.random() < 0.15 else (pick(OBJECTS),) * 2
    verb = pick(VERBS)
    return " ".join([*words, printed, verb]), " ".join([*words, read, verb])


def make(root: str | os.PathLike[str], num_clips: int) -> None:
    """Makes the corpus; clips that are there already are kept.

    Args:
        root: Folder for the transcript and the folders 1 to 4.
        num_clips: clips, an eighth of them stereo.
    """
    root = Path(root)
    lines = []
    for index in progress(range(num_clips), "clips"):
        folder = 1 + index % 4
        name = f"{folder}/{folder}_{index // 4:04d}.wav"
        printed, read = sentence(index)
        path = root / name
        if not path.is_file():
            wav = synthesise(read, seed=index)
            if index % 8 == 0:  # some of KSS is stereo
                wav = np.stack([wav, 0.8 * wav], axis=1)
            with replace_file(path) as aside:
                soundfile.write(aside, wav, FS, subtype="PCM_16", format="WAV")
        seconds = soundfile.info(path).duration
        lines.append("|".join([name, printed, read, unicodedata.normalize("NFD", read), f"{seconds:.1f}", "toy"]))
    write_text(root / TRANSCRIPT, "".join(f"{line}\n" for line in lines))
