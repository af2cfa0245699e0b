"""Re-ranking models: a question and texts go in, a relevance for each text comes out."""

from providers.rerank.base import Reranker, RerankRequest

__all__ = ["RerankRequest", "Reranker"]
