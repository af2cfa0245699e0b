"""What a person waits for in a browser: pages, and answers on their way."""
