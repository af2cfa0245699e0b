"""From passages that may help to their order: candidates, scores, fusion, a second look."""
