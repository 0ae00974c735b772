"""The voice: text to samples with numpy and onnxruntime, without PyTorch and ESPnet."""

from espnet2_nix.runtime.voice import Audio, Voice, VoiceError

__all__ = ["Audio", "Voice", "VoiceError"]
