"""When the alignment turns from soft to hard."""

from __future__ import annotations


def bin_weight(step: int, start: int, ramp: int) -> float:
    """Share of the binarization loss: 0 before ``start``, then linear to 1 over ``ramp`` steps."""
    if step < start:
        return 0.0
    return 1.0 if ramp <= 0 else min(1.0, (step - start) / ramp)


def use_hard_alignment(step: int, start: int) -> bool:
    """Whether frames are expanded by the hard path (from step ``start`` on) instead of the soft alignment."""
    return step >= start
