"""Addresses: of who asks, of Docent's own pages, and of others' servers, with what is fetched there."""
