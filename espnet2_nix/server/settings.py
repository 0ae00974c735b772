"""What can be set of a server."""

from __future__ import annotations

import os
from dataclasses import dataclass, field


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class Settings:
    """Limits and access.

    Attributes:
        token: What a client must send as `Authorization: Bearer`; "" asks for none.
        cors_origins: Origins that a browser may call from; none by default.
        max_characters: Of one text.
        max_body: Bytes of a request's body.
        max_requests: Texts that are spoken at once, in turns of one piece each.
        max_queue: Further requests that wait; those beyond get 503.
        max_seconds: From a request to the end of its answer, waiting included.
        max_memory: Megabytes that loaded voices may take, as estimated; the one unused for longest is let go.
        threads: That compute.
    """

    token: str = ""
    cors_origins: tuple[str, ...] = ()
    max_characters: int = 4096
    max_body: int = 1_000_000
    max_requests: int = 16
    max_queue: int = 256
    max_seconds: float = 120.0
    max_memory: float = 1024.0
    threads: int = field(default_factory=usable_cores)
