"""What is told to whoever runs a backup or a restore."""


class BackupError(Exception):
    """Nothing was made or changed; the message says why to a person."""
