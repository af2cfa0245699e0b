"""What readers and open pages are told of a reply while it grows, whichever process writes it."""
