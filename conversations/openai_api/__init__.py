"""OpenAI's API: whoever has a client for that needs none of ours. See `docs/openai.md`."""
