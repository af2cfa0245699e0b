"""Addresses of model servers, as the operator writes them."""

from urllib.parse import urlsplit

_SCHEME_PORTS = {"http": 80, "https": 443}


def parse_host(host: str) -> str:
    """The server's URL for a value of `OLLAMA_HOST`, by Ollama's own rules.

    `box` → `http://box:11434`, `box:80` → `http://box:80`, `https://box/path/` → `https://box:443/path`.
    Raises ValueError when the port is not a number.
    """
    scheme, separator, _ = host.strip().partition("://")
    parts = urlsplit(host.strip() if separator else f"http://{host.strip()}")
    name = parts.hostname or "127.0.0.1"
    if ":" in name:
        name = f"[{name}]"
    port = parts.port or (_SCHEME_PORTS.get(scheme, 11434) if separator else 11434)
    return f"{parts.scheme}://{name}:{port}{parts.path.rstrip('/')}"
