"""What lies in a folder of the file storage; one on a disk has folders, one that speaks S3 only their names."""

from django.core.files.storage import default_storage


def listed(folder: str) -> tuple[list[str], list[str]]:
    """Names of folders and files in it; none where there is no such folder."""
    try:
        return default_storage.listdir(folder)
    except FileNotFoundError:
        return [], []
