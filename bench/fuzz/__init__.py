"""Requests that nobody in their right mind sends, and whether the answers keep the contract all the same."""
