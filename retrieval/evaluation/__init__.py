"""How good are the answers: questions with what is right, what was found for them, and the figures."""
