"""How passages are cut, in characters: what an upload says, else its collection, else Docent."""

from dataclasses import dataclass

from django.utils.translation import gettext

from documents.models import Collection, Document
from tenants.errors import InvalidInput

MIN_CHUNK, MAX_CHUNK = 200, 1000
DEFAULT_OVERLAP = 200


@dataclass(frozen=True, slots=True)
class Sizes:
    """The longest passage, and how much of it the next one may repeat."""

    size: int
    overlap: int


def chosen_sizes(sized: Collection | Document, *, size: int | None, overlap: int | None) -> Sizes:
    """What is asked for, completed by what `sized` has. Raises `InvalidInput` for what the model cannot take."""
    require_sizes(size, None)
    size = size or sized.chunk_size or MAX_CHUNK
    if overlap is None:
        usual = DEFAULT_OVERLAP if sized.chunk_overlap is None else sized.chunk_overlap
        return Sizes(size, min(usual, size // 2))
    require_sizes(size, overlap)
    return Sizes(size, overlap)


def require_sizes(size: int | None, overlap: int | None) -> None:
    """Raises `InvalidInput` for sizes that cannot be; None stands for what is usual."""
    if size is not None and not MIN_CHUNK <= size <= MAX_CHUNK:
        raise InvalidInput.at(
            "/chunk_size",
            gettext("A chunk has {min_chunk} to {max_chunk} characters.").format(
                min_chunk=MIN_CHUNK, max_chunk=MAX_CHUNK
            ),
            "out_of_range",
        )
    if overlap is not None and not 0 <= overlap <= (size or MAX_CHUNK) // 2:
        raise InvalidInput.at("/chunk_overlap", "The overlap is at most half of the chunk size.", "out_of_range")
