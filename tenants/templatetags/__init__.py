"""What templates ask for themselves, where a framework's view gives them no context of ours."""
