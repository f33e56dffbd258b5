"""Why a backup was not taken, or cannot be restored."""


class BackupError(Exception):
    """Its text is for the operator."""
