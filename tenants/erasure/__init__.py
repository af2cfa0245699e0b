"""What an erasure removes outside of rows, what it may have left, and what it leaves on purpose."""
