"""Speaking with PyTorch: ESPnet's call and keys. The voice without PyTorch is espnet2_nix.runtime."""

from espnet2_nix.inference.text2speech import Text2Speech

__all__ = ["Text2Speech"]
