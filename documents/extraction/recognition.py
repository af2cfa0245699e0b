"""Text read from pictures by RapidOCR (PP-OCRv6), an extra: requirements/ocr.txt. Runs in the sandbox.

The models come with the package. Everything is done by one thread, for the sandbox allows no second, and line
by line, so that the memory needed hardly depends on the picture.
"""

import ctypes
from collections.abc import Sequence

import cv2
import numpy as np
import onnxruntime  # noqa: F401 - RapidOCR would import it later, when the sandbox has closed
from numpy.typing import NDArray
from rapidocr import RapidOCR

from documents.extraction.reading_order import Piece, page_text

Picture = NDArray[np.uint8]

MAX_SIDE = 2000
"""Pixels of a picture's longer side: as many as RapidOCR looks at."""

_DETECTION_SIDE = 960  # lines are searched for in a smaller copy, and read in the full one
_LEAST_SCORE = 0.5
_LONGEST_LINE = 100.0  # times its height; what is longer is a ruled line
_TALL = 1.5
_SAMPLE, _CERTAIN = 3, 0.85  # lines that say which way up the page is, and how sure of them is sure enough
_M_MMAP_THRESHOLD, _LARGE = -3, 4 << 20

_OPTIONS = {
    "Global.log_level": "critical",
    "Det.limit_type": "max",
    "Det.limit_side_len": _DETECTION_SIDE,
    "Rec.rec_batch_num": 1,
    "EngineConfig.onnxruntime.intra_op_num_threads": 1,
    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
}


class Recogniser:
    """Loads the models; takes about a second."""

    def __init__(self) -> None:
        """Also has large pieces of memory go back to the system at once, where the C library can."""
        libc = ctypes.CDLL(None)
        if hasattr(libc, "mallopt"):
            libc.mallopt(_M_MMAP_THRESHOLD, _LARGE)
        cv2.setNumThreads(1)
        self._engine = RapidOCR(params=_OPTIONS)
        blank = np.full((64, 64, 3), 255, np.uint8)
        self._boxes(blank)  # each of the two loads its model when it is first asked
        self._line(blank)

    def read(self, pixels: bytes, columns: int, rows: int, stride: int) -> str:
        """The text of a picture of three bytes a pixel, in reading order; "" where there is none.

        Pages that lie on their side or stand on their head are turned first.
        """
        rows_of_bytes = np.frombuffer(pixels, np.uint8).reshape(rows, stride)
        picture: Picture = rows_of_bytes[:, : columns * 3].reshape(rows, columns, 3)
        boxes = self._boxes(picture)
        if _are_tall(boxes):
            picture = np.ascontiguousarray(np.rot90(picture))
            boxes = self._boxes(picture)
        if self._is_upside_down(picture, boxes):
            picture = np.ascontiguousarray(picture[::-1, ::-1])
            boxes = self._boxes(picture)
        pieces = [self._piece(picture, box) for box in boxes]
        return page_text([piece for piece in pieces if piece is not None])

    def _boxes(self, picture: Picture) -> list[NDArray[np.float32]]:
        """Where lines are: the four corners of each, from the upper left one clockwise."""
        found = self._engine(picture, use_det=True, use_cls=False, use_rec=False)
        return [] if found.boxes is None else list(found.boxes)

    def _is_upside_down(self, picture: Picture, boxes: Sequence[NDArray[np.float32]]) -> bool:
        """Whether the longest lines are read with more certainty when they are turned over."""
        longest = sorted(boxes, key=lambda box: -float(np.ptp(box[:, 0])))[:_SAMPLE]
        cuts = self._cuts(picture, longest)
        if sum(self._line(cut)[1] for cut in cuts) >= _CERTAIN * len(cuts):
            return False
        turned = [np.ascontiguousarray(cut[::-1, ::-1]) for cut in cuts]
        return sum(self._line(cut)[1] for cut in turned) > sum(self._line(cut)[1] for cut in cuts)

    def _piece(self, picture: Picture, box: NDArray[np.float32]) -> Piece | None:
        """What is written in the box; None for what cannot be read."""
        x0, y0, x1, y1 = (float(edge) for edge in (*box.min(axis=0), *box.max(axis=0)))
        text, score = self._line(self._cuts(picture, [box])[0])
        return Piece(x0, y0, x1, y1, text) if text and score >= _LEAST_SCORE else None

    def _line(self, cut: Picture) -> tuple[str, float]:
        """A line's text and how certain it is, 0..1."""
        height, width = cut.shape[:2]
        if width > _LONGEST_LINE * height:
            return "", 0.0
        read = self._engine(cut, use_det=False, use_cls=False, use_rec=True)
        return read.txts[0].strip(), float(read.scores[0])

    def _cuts(self, picture: Picture, boxes: Sequence[NDArray[np.float32]]) -> list[Picture]:
        return self._engine.crop_text_regions(picture, np.array(boxes)) if boxes else []


def _are_tall(boxes: Sequence[NDArray[np.float32]]) -> bool:
    tall = sum(float(np.ptp(box[:, 1])) > _TALL * float(np.ptp(box[:, 0])) for box in boxes)
    return tall > len(boxes) / 2
