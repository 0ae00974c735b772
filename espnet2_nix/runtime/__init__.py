"""The voice: text to samples with numpy and onnxruntime, without PyTorch and ESPnet."""

from espnet2_nix.runtime.voice import Audio, Voice
from espnet2_nix.voice_format import SpeakOptions, VoiceError, VoiceInfo

__all__ = ["Audio", "SpeakOptions", "Voice", "VoiceError", "VoiceInfo"]
