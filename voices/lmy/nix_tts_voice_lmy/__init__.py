"""The voice lmy: data for espnet2_nix.runtime."""
