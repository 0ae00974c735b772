"""Packages and models that only a metric needs."""

from __future__ import annotations

import importlib
import warnings
from types import ModuleType


class MetricUnavailable(RuntimeError):
    """A metric cannot be measured here; the message says what is missing and how to get it."""


def require(module: str, metric: str, install: str) -> ModuleType:
    """Imports an optional package.

    Args:
        module: Its dotted name, such as `speechmos.dnsmos`.
        metric: What needs it, for the message.
        install: The command that installs it, for the message.

    Returns:
        The module.

    Raises:
        MetricUnavailable: If the package is missing or does not load.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pyworld warns on every import that it uses pkg_resources
            return importlib.import_module(module)
    except (ImportError, OSError) as error:
        raise MetricUnavailable(
            f"{metric} needs the package {module.split('.')[0]}, which does not load ({error}); install it: {install}"
        ) from error
