"""One's own conversations: listed, searched, recalled, and made searchable."""
