"""What an answer cites: its markers and quotations, the claims they stand for, its sources."""
