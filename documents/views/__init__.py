"""The portal's pages about documents, over the same services as the API."""
