"""Standard Pronunciation (표준 발음법) of Hangul text.

Respelling by the lexicon and by rules that need word shapes (articles 20, 24 to 29), then sounds within a phrase. A phrase
ends at a mark and where `breaks_after` says.
"""

from __future__ import annotations

import itertools

from espnet2_nix.text import compounds, insertion, respelling
from espnet2_nix.text.lazy import Lazy
from espnet2_nix.text.phrases import breaks_after
from espnet2_nix.text.sounds import pronounce_phrase
from espnet2_nix.text.trace import Trace

RULES = (
    ("lexicon", respelling.by_lexicon),
    ("article 24", respelling.stems),
    ("article 27", respelling.after_rieul),
    ("article 26", respelling.sino),
    ("articles 26 and 28, suffixes", respelling.suffixes),
    ("article 28, compounds", compounds.second_parts),
    ("열 and 여덟", compounds.after_ten),
    ("article 20, suffixes", insertion.nasal_suffixes),
    ("article 29", insertion.within_words),
    ("article 29, numerals", compounds.six),
    ("article 29 between words", insertion.between_words),
)
_PHRASE = Lazy(r"[가-힣]+(?: [가-힣]+)*")


def pronounce_hangul(text: str, trace: Trace | None = None) -> str:
    """Pronounces normalised text.

    Args:
        text: Hangul syllables, single spaces and marks, as `normalize` returns them.
        trace: Collects what each rule changed.

    Returns:
        Hangul as it sounds; spaces and marks stay.
    """
    return _PHRASE.sub(lambda match: _pronounce_run(match[0], trace), text)


def _pronounce_run(run: str, trace: Trace | None) -> str:
    for name, rule in RULES:
        changed = rule(run)
        if trace is not None:
            trace.add(name, run, changed)
        run = changed
    words = run.split(" ")
    phrases = [[words[0]]]
    for word, following in itertools.pairwise(words):
        if breaks_after(word, following):
            phrases.append([following])
        else:
            phrases[-1].append(following)
    sounds = [pronounce_phrase(" ".join(phrase)) for phrase in phrases]
    if trace is not None:
        for phrase, sound in zip(phrases, sounds, strict=True):
            trace.add("sounds", " ".join(phrase), sound)
    return " ".join(sounds)
