"""Speaking with PyTorch: ESPnet's call and keys. The voice without PyTorch is espnet2_nix.runtime."""
