"""A record of which rule changed what, for `-v` and for tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class Change(NamedTuple):
    """One change: the rule's name and the text before and after it."""

    rule: str
    before: str
    after: str


@dataclass
class Trace:
    """Collects changes while a text goes through the front-end; hand one to `normalize` or `pronounce`."""

    changes: list[Change] = field(default_factory=list)

    def add(self, rule: str, before: str, after: str) -> None:
        """Records a change; equal texts are no change."""
        if before != after:
            self.changes.append(Change(rule, before, after))
