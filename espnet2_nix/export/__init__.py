"""From a student's checkpoint to a voice that speaks without PyTorch."""
