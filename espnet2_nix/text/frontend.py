"""The front-ends by name and version: what a packed model stores so that it goes on speaking as it was trained."""

from __future__ import annotations

from espnet2_nix.errors import UserError

FRONTENDS: dict[str, str] = {
    "jaso": "1",  # spelling as written
    "standard": "2",  # normalisation and the Standard Pronunciation
    "g2pk": "2",  # our normalisation, then the package g2pk, when installed
}
DEFAULT_FRONTEND = "standard"


def frontend_info(g2p: str = DEFAULT_FRONTEND) -> dict[str, str]:
    """Names a front-end together with the version of its rules.

    Args:
        g2p: `standard`, `jaso` or `g2pk`.

    Returns:
        `{"name": ..., "version": ...}`; the version changes whenever the tokens of any text change.

    Raises:
        UserError: If there is no such front-end.
    """
    if g2p not in FRONTENDS:
        raise UserError(f"expected a front-end among {', '.join(FRONTENDS)}, found {g2p!r}")
    return {"name": g2p, "version": FRONTENDS[g2p]}
