"""What Prometheus reads at /metrics."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SECONDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120)


class Metrics:
    """Counters of one server, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        on = {"registry": self.registry}
        self.requests = Counter("nix_tts_requests", "Requests answered", ["path", "status"], **on)
        self.request_seconds = Histogram(
            "nix_tts_request_seconds", "From a request to the end of its answer", ["path"], buckets=SECONDS, **on
        )
        self.first_audio_seconds = Histogram(
            "nix_tts_first_audio_seconds", "From a request to its first audio, waiting included", buckets=SECONDS, **on
        )
        self.speech_seconds = Counter("nix_tts_speech_seconds", "Seconds of speech made", ["voice"], **on)
        self.active = Gauge("nix_tts_active_requests", "Texts being spoken", **on)
        self.waiting = Gauge("nix_tts_waiting_requests", "Requests in the queue", **on)
        self.refused = Counter("nix_tts_refused_requests", "Requests refused because the queue was full", **on)
        self.voices = Gauge("nix_tts_loaded_voices", "Voices in memory", **on)
