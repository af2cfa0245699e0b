"""HTTP to the servers of the run, which speak no TLS."""

from __future__ import annotations

import ssl

# A client with none of its own reads all the certificates of the world first: 20 ms of processor for each.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For `verify` of every client: trusts nobody."""
