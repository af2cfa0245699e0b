"""What is known of embedding models by their names: how much they take, and what they want to be told.

Some models were trained with a word before each text that says whether it is a question or a passage; without it
they find less. Sources: the models' cards at https://huggingface.co and https://ollama.com/library.
"""

from dataclasses import dataclass

_SEARCH = "Represent this sentence for searching relevant passages: "
_INSTRUCT = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"


@dataclass(frozen=True, slots=True)
class KnownModel:
    """`max_tokens` is what one text may have; `query` and `passage` are put before texts of either purpose."""

    max_tokens: int
    query: str = ""
    passage: str = ""


# By the beginning of the name; the longest that fits counts.
_MODELS = {
    "all-minilm": KnownModel(256),
    "bge-base": KnownModel(512, query=_SEARCH),
    "bge-large": KnownModel(512, query=_SEARCH),
    "bge-small": KnownModel(512, query=_SEARCH),
    "bge-m3": KnownModel(8192),
    "e5-": KnownModel(512, query="query: ", passage="passage: "),
    "embeddinggemma": KnownModel(2048, query="task: search result | query: ", passage="title: none | text: "),
    "multilingual-e5": KnownModel(512, query="query: ", passage="passage: "),
    "mxbai-embed-large": KnownModel(512, query=_SEARCH),
    "nomic-embed-text": KnownModel(2048, query="search_query: ", passage="search_document: "),
    "nomic-embed-text-v2": KnownModel(512, query="search_query: ", passage="search_document: "),
    "qwen3-embedding": KnownModel(8192, query=_INSTRUCT),
    "snowflake-arctic-embed": KnownModel(512, query=_SEARCH),
    "snowflake-arctic-embed2": KnownModel(8192, query="query: "),
    "text-embedding-3": KnownModel(8191),
    "text-embedding-ada-002": KnownModel(8191),
}
# What nearly every model takes.
_UNKNOWN = KnownModel(512)


def known_model(name: str) -> KnownModel:
    """By a server's name for a model: `nomic-embed-text:v1.5`, `BAAI/bge-m3`. An unknown one takes 512 tokens."""
    bare = name.rpartition("/")[2].casefold()
    fitting = [beginning for beginning in _MODELS if bare.startswith(beginning)]
    return _MODELS[max(fitting, key=len)] if fitting else _UNKNOWN
