"""Models in words, for people."""

from django.utils.translation import gettext as _

from providers.chat.base import ModelInfo

_KILO = 1024


def context_in_words(tokens: int) -> str:
    """8192 is “8k”, as people say of models."""
    return _("{size} context").format(size=f"{tokens // _KILO}k" if tokens >= _KILO else tokens)


def loaded_in_words(is_loaded: bool | None) -> str:  # noqa: FBT001
    """Nothing where the server does not say."""
    if is_loaded is None:
        return ""
    return _("loaded") if is_loaded else _("not loaded")


def model_in_words(model: str, server: str, info: ModelInfo, context_tokens: int) -> str:
    """“llama3.2 on Ollama: loaded, 8k context”."""
    where = _("{model} on {server}").format(model=model, server=server)
    state = [one for one in (loaded_in_words(info.is_loaded), context_in_words(context_tokens)) if one]
    return f"{where}: {', '.join(state)}"


def no_model() -> str:
    return _("No language model: answers are quotations")
