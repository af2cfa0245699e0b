"""From a question to its answer: passages, prompt, model, text, and what all that took."""
