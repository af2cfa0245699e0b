"""A language model of a few megabytes for llama.cpp: it says one text by heart, whatever it is asked.

Nothing is learnt or downloaded. The file is what llama.cpp reads from anybody (GGUF, the llama architecture), so
server, protocol, tokens, window and slots are the real ones. Each word of the text stands in the vocabulary once,
and its row of the last matrix is the vector of the word before it; all that lies between computes, and adds zero.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

NAME = "by-heart"
FERRIES = 300
"""So many sentences it says, of three tokens each; then it ends."""

_WIDTH, _INNER, _HEADS = 256, 1024, 4
_ALIGNMENT = 32
_U32, _F32, _BOOL, _STRING, _ARRAY = 4, 6, 7, 8, 9
_NORMAL, _UNKNOWN, _CONTROL, _BYTE = 1, 2, 3, 6
_BOS, _EOS = 1, 2
_SPACE = "\u2581"
_SURE = 4.0
_TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>\n{{ message['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)


def spoken() -> str:
    """What the model says."""
    return "".join(_words()).replace(_SPACE, " ").strip()


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    tokens: list[str]
    kinds: list[int]
    scores: list[float]
    first_word: int


def write_model(path: Path, *, window: int = 8192, layers: int = 6, pieces: Sequence[str] = ()) -> None:
    """Write the model to a file. Every layer makes it slower.

    `pieces` are further tokens of what it reads, as a trained model has them. Without any each character is a
    token, as rare scripts are to a model that was trained on another.
    """
    vocabulary = _vocabulary(pieces)
    about = _about(vocabulary, window, layers)
    tensors = list(_tensors(vocabulary, layers))
    with path.open("wb") as file:
        file.write(b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(about)))
        for name, kind, value in about:
            file.write(_text(name) + struct.pack("<I", kind) + value)
        offset = 0
        for name, tensor in tensors:
            sizes = struct.pack(f"<{tensor.ndim}Q", *reversed(tensor.shape))
            file.write(_text(name) + struct.pack("<I", tensor.ndim) + sizes + struct.pack("<IQ", 0, offset))
            offset += _padded(tensor.nbytes)
        _pad(file)
        for _, tensor in tensors:
            file.write(tensor.tobytes())
            _pad(file)


def timetable() -> str:
    """A document that says the same."""
    return spoken().replace(" [1].", ".\n")


def _words() -> list[str]:
    """Each but once."""
    return [
        word.replace(" ", _SPACE)
        for number in range(1, FERRIES + 1)
        for word in (
            f" Ferry {number}",
            f" leaves from pier {number}",
            f" at {number // 15:02}:{number % 15 * 4:02} [1].",
        )
    ]


def _vocabulary(pieces: Sequence[str]) -> _Vocabulary:
    special = [("<unk>", _UNKNOWN), ("<s>", _CONTROL), ("</s>", _CONTROL)]
    single = [f"<0x{number:02X}>" for number in range(256)]
    letters = [_SPACE, *map(chr, range(33, 127))]
    known = [piece for piece in dict.fromkeys(pieces) if len(piece) > 1]
    words = [word for word in _words() if word not in known]
    kinds = [kind for _, kind in special] + [_BYTE] * len(single)
    rest = [*letters, *known, *words]
    tokens = [name for name, _ in special] + single + rest
    # Longer pieces are joined first; nothing that is read ever makes a word of the text out of pieces.
    scores = [0.0] * len(kinds) + [-1e6] * len(letters) + [float(len(one)) for one in known] + [-1e6] * len(words)
    return _Vocabulary(tokens, kinds + [_NORMAL] * len(rest), scores, len(tokens) - len(words))


def _about(vocabulary: _Vocabulary, window: int, layers: int) -> list[tuple[str, int, bytes]]:
    numbers = {
        "llama.context_length": window,
        "llama.embedding_length": _WIDTH,
        "llama.block_count": layers,
        "llama.feed_forward_length": _INNER,
        "llama.attention.head_count": _HEADS,
        "llama.attention.head_count_kv": _HEADS,
        "llama.rope.dimension_count": _WIDTH // _HEADS,
        "llama.vocab_size": len(vocabulary.tokens),
        "tokenizer.ggml.bos_token_id": _BOS,
        "tokenizer.ggml.eos_token_id": _EOS,
        "tokenizer.ggml.unknown_token_id": 0,
    }
    texts = {
        "general.architecture": "llama",
        "general.name": NAME,
        "tokenizer.ggml.model": "llama",
        "tokenizer.chat_template": _TEMPLATE,
    }
    tokens = struct.pack("<IQ", _STRING, len(vocabulary.tokens)) + b"".join(map(_text, vocabulary.tokens))
    scores = struct.pack(f"<IQ{len(vocabulary.scores)}f", _F32, len(vocabulary.scores), *vocabulary.scores)
    kinds = struct.pack(f"<IQ{len(vocabulary.kinds)}i", 5, len(vocabulary.kinds), *vocabulary.kinds)
    return [
        *((name, _STRING, _text(value)) for name, value in texts.items()),
        *((name, _U32, struct.pack("<I", value)) for name, value in numbers.items()),
        ("llama.attention.layer_norm_rms_epsilon", _F32, struct.pack("<f", 1e-5)),
        ("tokenizer.ggml.add_bos_token", _BOOL, b"\1"),
        ("tokenizer.ggml.tokens", _ARRAY, tokens),
        ("tokenizer.ggml.scores", _ARRAY, scores),
        ("tokenizer.ggml.token_type", _ARRAY, kinds),
    ]


def _tensors(vocabulary: _Vocabulary, layers: int) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Matrices have a row for each number that comes out."""
    count, first = len(vocabulary.tokens), vocabulary.first_word
    random = np.random.default_rng(7)
    vectors = random.standard_normal((count - first + 1, _WIDTH)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    read, said = np.empty((count, _WIDTH), np.float32), np.zeros((count, _WIDTH), np.float32)
    # All that is read is one to it: the text begins after that, and ends after its last word.
    read[:first], read[first:] = vectors[0], vectors[1:]
    said[first:], said[_EOS] = vectors[:-1] * _SURE, vectors[-1] * _SURE
    ones = np.ones(_WIDTH, np.float32)
    yield "token_embd.weight", read
    yield "output_norm.weight", ones
    yield "output.weight", said
    for layer in range(layers):
        yield f"blk.{layer}.attn_norm.weight", ones
        yield f"blk.{layer}.ffn_norm.weight", ones
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            yield f"blk.{layer}.{name}.weight", np.zeros((_WIDTH, _WIDTH), np.float32)
        for name, shape in (("gate", (_INNER, _WIDTH)), ("up", (_INNER, _WIDTH)), ("down", (_WIDTH, _INNER))):
            yield f"blk.{layer}.ffn_{name}.weight", np.zeros(shape, np.float32)


def _text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def _padded(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def _pad(file: BinaryIO) -> None:
    file.write(bytes(_padded(file.tell()) - file.tell()))
