"""Requests and sockets on their way to a view, and the frame of the portal's pages."""
