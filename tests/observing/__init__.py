"""What an operator sees of Docent: numbers, lines of the log, traces, health."""
