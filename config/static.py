"""Static files under hashed names, so that browsers may keep them for ever, with compressed copies beside them."""

from collections.abc import Iterator

from servestatic.storage import CompressedManifestStaticFilesStorage

HASHED_NAME = r"\.[0-9a-f]{12}\.[^/]+$"
# Frameworks' megabytes, of which one page asks for a part: they take Brotli a minute.
_SELDOM = ("drf_spectacular_sidecar/", "rest_framework/")


class ModuleManifestStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # has no types
    """The manifest storage, rewriting the imports between ES modules too."""

    support_js_module_import_aggregation = True
    # One pass for each step in the longest chain of imports.
    max_post_process_passes = 20

    def compress_files(self, paths: set[str]) -> Iterator[tuple[str, str]]:
        """Compress what pages name; of two names a file is asked for by the hashed one."""
        named = set(self.hashed_files.values())
        yield from super().compress_files({one for one in paths & named if not one.startswith(_SELDOM)})
