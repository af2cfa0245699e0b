"""The models that answer: which there are, who may use them, which one it is now."""

from conversations.chat_models.chooser import EXTRACTIVE, Choice, Listed, ModelChooser, chooser
from conversations.chat_models.own import OwnModels, OwnServer, key_purpose, own_models, sealed_key
from conversations.chat_models.servers import LONGEST_NAME, ModelName, Server, list_servers, parse_name

__all__ = [
    "EXTRACTIVE",
    "LONGEST_NAME",
    "Choice",
    "Listed",
    "ModelChooser",
    "ModelName",
    "OwnModels",
    "OwnServer",
    "Server",
    "chooser",
    "key_purpose",
    "list_servers",
    "own_models",
    "parse_name",
    "sealed_key",
]
