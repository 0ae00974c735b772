"""The error that a user can cause and mend."""


class DataError(ValueError):
    """A corpus, file or option is not as expected; the message says what to do about it."""
