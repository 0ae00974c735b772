"""The voices of a server: known by name, loaded when first asked for, let go when memory runs short."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import Executor
from pathlib import Path

from espnet2_nix.errors import UserError
from espnet2_nix.runtime import Voice
from espnet2_nix.server.errors import ApiError, quoted
from espnet2_nix.server.metrics import Metrics

logger = logging.getLogger(__name__)

OPENAI_VOICES = frozenset(
    ["alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse"]
)
"""Names that clients send when nobody chose: they mean the first voice here."""
MEMORY_PER_BYTE, MEMORY_OF_A_VOICE = 2, 64.0
"""Estimate of a loaded voice: megabytes a megabyte of its files (fp16 weights are unpacked to fp32), and what speaking takes.

Resident megabytes beyond those of a first, small voice, KSS recipe's sizes with random weights, sentences of 3 s:
`istft` fp16 (8.3 MB of files): 23 loaded, 25 after speaking, 53 after two texts at once;
`hifigan` fp16 (7.0 MB): 20, 36 and 76.
"""


class VoiceStore:
    """Voices by name.

    Args:
        folders: Where each voice is. Names are looked up here and nowhere else: none becomes a path.
        max_memory: Megabytes that loaded voices may take, as estimated.
        executor: Where voices are loaded.
        metrics: The server's.
    """

    def __init__(self, folders: Mapping[str, Path], max_memory: float, executor: Executor, metrics: Metrics) -> None:
        self._folders = dict(folders)
        self._max_memory, self._executor, self._metrics = max_memory, executor, metrics
        self._loaded: OrderedDict[str, Voice] = OrderedDict()
        self._lock = asyncio.Lock()

    @property
    def names(self) -> list[str]:
        """Names, the default first."""
        return list(self._folders)

    def resolve(self, name: str | None) -> str:
        """The voice that a client means.

        Raises:
            ApiError: If there is none of that name.
        """
        if not self._folders:
            raise ApiError(503, "the server has no voice: install one (nix-tts-voice-...) and start it again")
        if name in self._folders:
            return name
        if name is None or name in OPENAI_VOICES or name == "default":
            return self.names[0]
        raise ApiError(
            400,
            f"voice: expected one of {', '.join(self.names[:20])}, found {quoted(name)}",
            "voice",
            "voice_not_found",
        )

    async def get(self, name: str) -> Voice:
        """A voice, loaded now if it is not.

        Raises:
            ApiError: If it cannot be loaded; the log says why.
        """
        if name in self._loaded:
            self._loaded.move_to_end(name)
            return self._loaded[name]
        async with self._lock:  # one at a time: two requests for a voice load it once
            if name not in self._loaded:
                self._make_room(name)
                loop = asyncio.get_running_loop()
                try:
                    self._loaded[name] = await loop.run_in_executor(self._executor, Voice.load, self._folders[name])
                except (UserError, OSError) as error:
                    logger.error("voice %s: %s", name, error)
                    raise ApiError(
                        500, f"voice {quoted(name)} cannot be loaded; the server's log says why", "voice"
                    ) from None
                self._metrics.voices.set(len(self._loaded))
                logger.info("voice %s: loaded, about %.0f MB", name, self._memory(name))
            return self._loaded[name]

    def _make_room(self, name: str) -> None:
        while self._loaded and sum(map(self._memory, (*self._loaded, name))) > self._max_memory:
            gone, _ = self._loaded.popitem(last=False)
            logger.info("voice %s: let go, %s needs its memory", gone, name)

    def _memory(self, name: str) -> float:
        size = sum(file.stat().st_size for file in self._folders[name].glob("*.onnx"))
        return MEMORY_OF_A_VOICE + MEMORY_PER_BYTE * size / 1e6
