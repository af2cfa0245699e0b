"""The portal's pages about conversations, over the same services as the API."""
