"""The embedding model that comes with Docent: all-MiniLM-L6-v2, int8, on the CPU, no PyTorch. English."""

import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import ctranslate2
import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from providers.embedding import minilm
from providers.embedding.base import Purpose
from providers.embedding.wordpiece import WordCounter

# One batch holds at most this many ids, padding included: its activations stay in the processor's cache.
# On 2 cores and passages of 176 ids: 111 passages/s with 512, 101 with 1,024, 59 with 2,048.
_BATCH_IDS = 512


class BuiltinEmbedder:
    """all-MiniLM-L6-v2, mean-pooled. Threads may share one; its parts are loaded when first needed.

    `cache_dir` is where the converted model is kept, `model_dir` a folder with the published files (None:
    those of the installed package), `threads` how many processor threads work at once (None: one per core).
    The model takes 256 ids; vectors depend on nothing after that.

    Each batch stays on one thread and batches run side by side. Splitting one batch over the cores is slower
    both ways: 97 passages/s against 111 on 2 cores, and 7 ms against 2 for a single question.
    """

    model = "builtin"
    dimensions = 384
    max_tokens = 256

    def __init__(self, cache_dir: Path, *, model_dir: Path | None = None, threads: int | None = None) -> None:
        self._cache_dir = cache_dir
        self._model_dir = model_dir
        self._threads = threads or len(os.sched_getaffinity(0))
        self._loading = threading.Lock()
        self._tokenizer: Tokenizer | None = None
        self._counter: WordCounter | None = None
        self._encoder: ctranslate2.Encoder | None = None

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Length of each text in ids, [CLS] and [SEP] included, nothing cut off. Loads no weights."""
        tokenizer = self._loaded_tokenizer()
        with self._loading:
            counter = self._counter = self._counter or WordCounter(tokenizer)
        return counter.count(texts)

    def embed(self, texts: Sequence[str], *, purpose: Purpose) -> NDArray[np.float32]:
        """Unit vectors, shape [len(texts), 384]. This model treats questions and passages alike.

        Raises ProviderError when the weights are missing or wrong.
        """
        sequences = [self._cut(ids) for ids in self._ids(texts)]
        batches = list(_batches([len(ids) for ids in sequences]))
        encoder = self._loaded_encoder()
        vectors = np.empty((len(sequences), self.dimensions), dtype=np.float32)

        def fill(rows: list[int]) -> None:
            vectors[rows] = _encode(encoder, [sequences[row] for row in rows])

        if len(batches) == 1:
            fill(batches[0])
        else:
            with ThreadPoolExecutor(self._threads) as pool:
                list(pool.map(fill, batches))
        return vectors

    def unload(self) -> None:
        """Give the memory back; the next call loads again. A call that is running ends undisturbed."""
        with self._loading:
            self._tokenizer = self._counter = self._encoder = None

    def _ids(self, texts: Sequence[str]) -> list[list[int]]:
        return [encoding.ids for encoding in self._loaded_tokenizer().encode_batch_fast(list(texts))]

    def _cut(self, ids: list[int]) -> list[int]:
        # What `enable_truncation(256)` does; by hand, so that one tokenizer serves counting as well.
        return ids if len(ids) <= self.max_tokens else [*ids[: self.max_tokens - 1], ids[-1]]

    def _loaded_tokenizer(self) -> Tokenizer:
        with self._loading:
            if self._tokenizer is None:
                tokenizer = Tokenizer.from_file(str(self._source_dir() / "tokenizer.json"))
                # The published file cuts and fills up to 128 ids, half of what the model takes.
                tokenizer.no_padding()
                tokenizer.no_truncation()
                self._tokenizer = tokenizer
            return self._tokenizer

    def _loaded_encoder(self) -> ctranslate2.Encoder:
        with self._loading:
            if self._encoder is None:
                converted = minilm.prepare(self._cache_dir, self._source_dir())
                self._encoder = ctranslate2.Encoder(
                    str(converted), device="cpu", inter_threads=self._threads, intra_threads=1
                )
            return self._encoder

    def _source_dir(self) -> Path:
        return self._model_dir or minilm.find_model_dir()


def _batches(lengths: list[int]) -> Iterator[list[int]]:
    """Rows grouped by similar length, longest first, so that little is spent on padding."""
    batch: list[int] = []
    for row in sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True):
        if batch and (len(batch) + 1) * lengths[batch[0]] > _BATCH_IDS:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def _encode(encoder: ctranslate2.Encoder, sequences: list[list[int]]) -> NDArray[np.float32]:
    hidden = np.array(encoder.forward_batch(sequences).last_hidden_state)
    lengths = np.array([len(ids) for ids in sequences])
    is_token = np.arange(hidden.shape[1]) < lengths[:, None]
    # Divided by the norm, a sum is as good as a mean.
    sums = np.einsum("ntd,nt->nd", hidden, is_token.astype(np.float32))
    return np.asarray(sums / np.linalg.norm(sums, axis=1, keepdims=True), dtype=np.float32)
