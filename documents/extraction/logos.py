"""An organisation's logo, drawn anew: nothing of the file that was sent is kept but its picture."""

import io
import mmap

from PIL import Image, ImageOps

from documents.extraction.types import ExtractionError

# Twice what pages show at most, for screens with fine pixels.
_WIDTH, _HEIGHT = 480, 160
_MOST_PIXELS = 16_000_000
_QUALITY = 90
_KINDS = ("PNG", "JPEG", "WEBP")


def draw_logo(file: mmap.mmap) -> tuple[bytes, int, int]:
    """The picture as a WebP with its width and height; raises `ExtractionError`."""
    try:
        with Image.open(io.BytesIO(file), formats=_KINDS) as opened:
            # Said by the file's head, before anything of it is unpacked.
            if opened.width * opened.height > _MOST_PIXELS:
                raise ExtractionError("corrupt_file", "The picture has too many pixels: 16 million are the most.")
            picture = ImageOps.exif_transpose(opened).convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ExtractionError("corrupt_file", "This is no PNG, JPEG or WebP picture that can be read.") from error
    picture.thumbnail((_WIDTH, _HEIGHT), Image.Resampling.LANCZOS)
    drawn = io.BytesIO()
    picture.save(drawn, "WEBP", quality=_QUALITY, method=4)
    return drawn.getvalue(), picture.width, picture.height
