"""Phrases: between which words the voice pauses, so that no sound is carried across."""

from __future__ import annotations

import re

from espnet2_nix.text.lazy import Lazy

_ENDINGS = Lazy(
    r"""(?:에서|에게|께서|한테|부터|까지|마다|처럼|보다|조차|밖에|에는|에도  # particles
        |지만|는데|은데|니까|[가-힣]면|면서|아서|어서                        # endings of verbs
        |[가-힣][를는은을])$""",
    re.VERBOSE,
)
_LINKED = Lazy(
    r"""(?:것|거|게|건|걸|겁|데|바|수|적|줄|듯|지|만|뿐|엿|옷|때|곳|사람|생각)  # what commonly follows an adnominal form
        (?:[은는이가을를도만에의로과와야예니들있없]|$)
      | (?:일|일들|이야기|얘기|약|여자|여행)(?:[은는이가을를도만에의로과와야예들])""",
    re.VERBOSE,
)


def breaks_after(word: str, following: str) -> bool:
    """Tells whether the voice pauses between two words, so that no sound is carried across.

    A choice of ours: it breaks after particles and endings that close a phrase (를, 는, 은, 을, 에서, 지만 ...), and not
    between a noun or an adnominal form and what it belongs to (밭 아래 [바다래]). An adnominal form in 은 or 을 looks like
    a particle; it links when a dependent noun or another word that commonly follows it comes next (먹을 것, 먹은 엿).

    Args:
        word: Hangul, without marks.
        following: The next word.
    """
    if _ENDINGS.search(word) is None:
        return False
    return not (word[-1] in "은을" and _LINKED.match(following))
