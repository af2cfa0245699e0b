"""Backups: rows and the files that they name, as one moment had them, in one encrypted file.

The file is a tar inside age encryption (age-encryption.org), so that other people's programs open it too.
"""
