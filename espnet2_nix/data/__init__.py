"""Corpus readers, splits, audio formatting and validation: what the recipe's stages 1 to 4 call."""
