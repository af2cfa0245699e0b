"""The built-in embedder against a forward pass in NumPy and float32 from the same published weights."""

import json
import math
import multiprocessing
import random
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from providers import errors
from providers.embedding import minilm
from providers.embedding.builtin import BuiltinEmbedder

TEXTS = [
    "How long is the notice period?",
    "Either party may end this agreement with three months' notice, in writing, to the end of a quarter.",
    "Net revenues rose by 4.7% to $1,234.5 million; the effective tax rate was 21.3% (2021: 19.8%).",
    "a",
    " ".join(f"Item {number}: spare parts for pump {number * 7}." for number in range(60)),
]


@pytest.fixture(scope="module")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def embedder(cache_dir: Path) -> BuiltinEmbedder:
    return BuiltinEmbedder(cache_dir)


def reference_vector(text: str) -> NDArray[np.float32]:
    """Mean-pooled output of the model as BERT's paper defines it (Devlin et al., 2018), one text, float32."""
    folder = minilm.find_model_dir()
    weights: dict[str, NDArray[np.float32]] = load_file(folder / "model.safetensors")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    ids = tokenizer.encode(text).ids

    def linear(x: NDArray[np.float32], name: str) -> NDArray[np.float32]:
        return np.asarray(x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"], dtype=np.float32)

    def norm(x: NDArray[np.float32], name: str) -> NDArray[np.float32]:
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
        return np.asarray(scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"], dtype=np.float32)

    def heads(x: NDArray[np.float32]) -> NDArray[np.float32]:
        return x.reshape(len(ids), 12, 32).transpose(1, 0, 2)

    gelu = np.vectorize(lambda x: x * 0.5 * (1 + math.erf(x / math.sqrt(2))), otypes=[np.float32])
    hidden = (
        weights["embeddings.word_embeddings.weight"][ids]
        + weights["embeddings.position_embeddings.weight"][: len(ids)]
        + weights["embeddings.token_type_embeddings.weight"][0]
    )
    hidden = norm(hidden, "embeddings.LayerNorm")
    for number in range(6):
        layer = f"encoder.layer.{number}"
        query, key, value = (
            heads(linear(hidden, f"{layer}.attention.self.{part}")) for part in ("query", "key", "value")
        )
        scores = np.exp(query @ key.transpose(0, 2, 1) / math.sqrt(32))
        mixed = (scores / scores.sum(-1, keepdims=True) @ value).transpose(1, 0, 2).reshape(len(ids), 384)
        hidden = norm(
            hidden + linear(mixed, f"{layer}.attention.output.dense"), f"{layer}.attention.output.LayerNorm"
        )
        inner = gelu(linear(hidden, f"{layer}.intermediate.dense"))
        hidden = norm(hidden + linear(inner, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
    mean = hidden.mean(0)
    return np.asarray(mean / np.linalg.norm(mean), dtype=np.float32)


def test_vectors_agree_with_the_float32_reference(embedder: BuiltinEmbedder) -> None:
    vectors = embedder.embed(TEXTS, purpose="passage")

    assert vectors.shape == (len(TEXTS), 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    cosines = [float(vector @ reference_vector(text)) for vector, text in zip(vectors, TEXTS, strict=True)]
    assert min(cosines) >= 0.99, cosines


def test_a_text_has_the_same_vector_alone_and_among_others(embedder: BuiltinEmbedder) -> None:
    many = [f"{text} {number}" for number in range(20) for text in TEXTS]
    together = embedder.embed(many, purpose="passage")
    alone = np.concatenate([embedder.embed([text], purpose="query") for text in many])

    # int8 rounds by the largest value of a row, so a neighbour must not matter at all.
    np.testing.assert_allclose(np.einsum("nd,nd->n", together, alone), 1, atol=1e-3)


def test_meaning_decides_about_nearness(embedder: BuiltinEmbedder) -> None:
    question = embedder.embed(["When may I cancel the contract?"], purpose="query")[0]
    near, far = embedder.embed(
        ["The agreement can be terminated at the end of each quarter.", "The cat sleeps on the warm stove."],
        purpose="passage",
    )
    assert question @ near > question @ far + 0.3


def test_nothing_in_nothing_out(embedder: BuiltinEmbedder) -> None:
    assert embedder.embed([], purpose="passage").shape == (0, 384)
    assert embedder.count_tokens([]) == []
    assert np.isfinite(embedder.embed([""], purpose="passage")).all()


def test_ids_are_counted_as_the_tokenizer_gives_them(embedder: BuiltinEmbedder) -> None:
    tokenizer = Tokenizer.from_file(str(minilm.find_model_dir() / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    draw = random.Random(20260101)
    signs = [chr(code) for code in (*range(1, 0x180), *range(0x2000, 0x2100), 0x3000, 0x4E2D, 0xAC00, 0x1F600)]
    parts = [
        *TEXTS[1].split(),
        "[SEP]",
        "x" * 120,
        "1,234.5",
        "state-of-the-art",
        "O’Neill",
        "na\u0131ve",
        "a_b",
        *signs,
    ]
    texts = ["".join(draw.choices(parts, k=draw.randrange(12))) for _ in range(3000)]
    texts += [" ".join(draw.choices(parts[:20], k=draw.randrange(60))) for _ in range(300)]

    for _ in range(2):  # the second time the words are known
        assert embedder.count_tokens(texts) == [len(tokenizer.encode(text).ids) for text in texts]


def test_words_between_id_128_and_id_256_count_and_later_ones_do_not(embedder: BuiltinEmbedder) -> None:
    filler = "word " * 140
    mango, tax = embedder.embed([filler + "mango", filler + "tax law"], purpose="passage")
    assert mango @ tax < 0.999

    filler = "word " * 260
    mango, tax = embedder.embed([filler + "mango", filler + "tax law"], purpose="passage")
    np.testing.assert_allclose(mango @ tax, 1, atol=1e-5)


def test_tokens_are_counted_without_cutting(embedder: BuiltinEmbedder) -> None:
    assert embedder.count_tokens(["", "word", "word " * 1000]) == [2, 3, 1002]


def test_counting_needs_no_weights(tmp_path: Path) -> None:
    model_dir = tmp_path / "model"
    model_dir.mkdir()
    shutil.copy(minilm.find_model_dir() / "tokenizer.json", model_dir)
    embedder = BuiltinEmbedder(tmp_path / "cache", model_dir=model_dir)

    assert embedder.count_tokens(["one two"]) == [4]
    with pytest.raises(errors.ProviderError) as failure:
        embedder.embed(["one two"], purpose="query")
    assert (failure.value.code, failure.value.permanent) == ("model_error", True)


def test_other_weights_than_the_published_ones_are_refused(tmp_path: Path) -> None:
    model_dir = shutil.copytree(minilm.find_model_dir(), tmp_path / "model")
    with (model_dir / "model.safetensors").open("r+b") as weights:
        weights.seek(1_000_000)
        weights.write(b"\x01")
    embedder = BuiltinEmbedder(tmp_path / "cache", model_dir=model_dir)

    with pytest.raises(errors.ProviderError) as failure:
        embedder.embed(["x"], purpose="query")
    assert failure.value.detail == "The weights of the built-in embedding model are not the published ones."
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["convert.lock"]


def test_two_processes_convert_once_and_leave_no_half_model(tmp_path: Path) -> None:
    # What a process leaves that is killed while it converts.
    half = tmp_path / "all-MiniLM-L6-v2-int8-53aa51172d14.partial"
    half.mkdir()
    (half / "model.bin").write_bytes(b"half")

    spawn = multiprocessing.get_context("spawn")
    with spawn.Pool(2) as pool:
        first, second = pool.starmap(minilm.prepare, [(tmp_path, minilm.find_model_dir())] * 2)

    assert first == second
    assert {path.name for path in tmp_path.iterdir()} == {"convert.lock", first.name}
    assert {path.name for path in first.iterdir()} == {"config.json", "model.bin", "vocabulary.json"}
    made_at = (first / "model.bin").stat().st_mtime_ns
    BuiltinEmbedder(tmp_path).embed(["x"], purpose="query")
    assert (first / "model.bin").stat().st_mtime_ns == made_at


def test_threads_share_one_embedder_that_is_unloaded_meanwhile(cache_dir: Path) -> None:
    embedder = BuiltinEmbedder(cache_dir, threads=2)
    expected = embedder.embed(TEXTS, purpose="passage")
    results: list[NDArray[np.float32]] = []

    def work() -> None:
        for _ in range(5):
            results.append(embedder.embed(TEXTS, purpose="passage"))
            embedder.unload()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(results) == 20
    for result in results:
        np.testing.assert_array_equal(result, expected)


def test_unload_lets_go_of_the_model(tmp_path: Path) -> None:
    embedder = BuiltinEmbedder(tmp_path)
    embedder.embed(["x"], purpose="query")
    folder = minilm.prepare(tmp_path, minilm.find_model_dir())
    shutil.rmtree(folder)

    embedder.embed(["x"], purpose="query")
    assert not folder.exists()
    embedder.unload()
    embedder.embed(["x"], purpose="query")
    assert folder.exists()


def test_the_cache_folder_names_the_weights(embedder: BuiltinEmbedder, cache_dir: Path) -> None:
    embedder.embed(["x"], purpose="query")
    folder = next(path for path in cache_dir.iterdir() if path.is_dir())
    assert json.loads((folder / "config.json").read_text())["layer_norm_epsilon"] == 1e-12
    assert minilm.WEIGHTS_SHA256.startswith(folder.name.rpartition("-")[2])
