"""Search at size: a million passages of a thousand organisations in one database, thrown away afterwards.

Recall of the ten nearest beside comparing everything, for organisations of every size, and for a person who sees
some of the collections alone; and, with eight people asking every two seconds, how long a hybrid search takes,
the question's embedding excluded. Beside both stands a naive HNSW that all organisations share, on a copy.
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
    options.add_argument("--small", action="store_true", help="thirty thousand passages: two minutes")
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
            figures = importlib.import_module("bench.search.run").measure(is_small=given.small)
            return report(figures, as_json=given.json)


if __name__ == "__main__":
    sys.exit(main())
