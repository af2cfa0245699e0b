"""Doors to language models and embedding models; knows nothing of Django, tenants or documents."""
