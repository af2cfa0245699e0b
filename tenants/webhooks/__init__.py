"""Webhooks: telling addresses of an organisation's choice what happened there.

`announce` writes what is to be told into the transaction in which it happened; a job for each webhook sends it.
"""
