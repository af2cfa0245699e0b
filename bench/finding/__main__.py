"""Something looked for in two thousand conversations of one person: how long until the page of the best is there.

The conversations, twenty messages each, are written straight into a database that is thrown away afterwards, with
their pieces, words and vectors as the worker leaves them; beside them stand as many of a colleague's. Embedding
what is looked for is another figure.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import django

from bench.figures import parser, report
from config.embedded import PROJECT, servers


def main() -> int:
    options = parser(__doc__)
    options.add_argument("--conversations", type=int, default=2000, help="of one person (%(default)s)")
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="docent-bench-") as folder:
        Path(folder).chmod(0o711)  # the database server may run under another account
        for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_OPS_URL", "DATABASE_ADMIN_URL", "REDIS_URL"):
            os.environ.pop(name, None)
        os.environ |= {"DOCENT_DATA": folder, "DJANGO_SETTINGS_MODULE": "config.settings.base"}
        os.environ |= {"DOCENT_LOG_LEVEL": "WARNING"}
        with servers(Path(folder), os.environ):
            migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
            subprocess.run(migrate, cwd=PROJECT, check=True)
            # Settings and models read the servers' addresses when they are imported.
            django.setup()
            figures = importlib.import_module("bench.finding.run").measure(given.conversations)
            return report(figures, as_json=given.json)


if __name__ == "__main__":
    sys.exit(main())
