"""What a model says of the licences that it carries."""

from __future__ import annotations


def licence_text(what: str, corpus: str, license_name: str, init_license: str = "") -> str:
    """Two sentences on the corpus, its licence and the start voice.

    Args:
        what: ``voice`` or ``model``.
        corpus: What the student learnt from.
        license_name: Licence of that corpus.
        init_license: Licence line of the public voice that the teacher began with, if it did.
    """
    text = (
        f"This {what} was trained on the corpus {corpus}, licence {license_name}, and may be used and passed on under that "
        "licence only.\n"
    )
    if init_license:
        text += f"Its teacher began with a public voice: {init_license}.\n"
    return text
