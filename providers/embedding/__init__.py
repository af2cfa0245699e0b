"""Embedding models: texts go in, unit vectors come out."""

from providers.embedding.base import Embedder, Purpose

__all__ = ["Embedder", "Purpose"]
