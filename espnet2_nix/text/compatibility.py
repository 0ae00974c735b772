"""Whether a model trained before can be spoken with: what must match are the tokens, not the version of the rules."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from espnet2_nix.errors import UserError
from espnet2_nix.text.frontend import frontend_info
from espnet2_nix.text.tokens import token_list as inventory

logger = logging.getLogger(__name__)


def check_frontend(frontend: object, token_list: Sequence[str], where: object) -> str:
    """Checks that this package's front-end can feed a model, a voice or a pack.

    A model outlives repairs of the front-end: other rules give other tokens for some text, but tokens that the model knows. So a
    version that differs is one line in the log, and tokens that the model lacks are refused.

    Args:
        frontend: ``name`` and ``version`` as stored with the model.
        token_list: The model's tokens.
        where: What the model is, for the message.

    Returns:
        The front-end's name, for `tokenize`.

    Raises:
        UserError: If there is no such front-end, or the model lacks tokens that it may give.
    """
    if not isinstance(frontend, Mapping) or not {"name", "version"} <= frontend.keys():
        raise UserError(f"{where}: frontend: expected name and version, found {frontend!r}")
    name = str(frontend["name"])
    try:
        known = frontend_info(name)
    except UserError as error:
        raise UserError(f"{where}: {error}; install the espnet2_nix that made it") from error
    lacking = sorted(set(inventory()[2:-1]) - set(token_list))
    if lacking:
        raise UserError(
            f"{where}: the token list lacks {' '.join(lacking[:5])}, which front-end {name} gives; "
            "install the espnet2_nix that made it, or train it anew"
        )
    if str(frontend["version"]) != known["version"]:
        logger.info(
            "%s: made with front-end %s %s, spoken with version %s: some texts are read otherwise",
            where,
            name,
            frontend["version"],
            known["version"],
        )
    return name
