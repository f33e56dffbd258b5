"""What every module here raises."""


class EmbeddedServerError(RuntimeError):
    """The embedded server cannot be run; the text says what to do about it, in Chinese and English."""
