"""Static files under hashed names, so that browsers may keep them for ever."""

from django.contrib.staticfiles.storage import ManifestStaticFilesStorage


class ModuleManifestStorage(ManifestStaticFilesStorage):
    """The manifest storage, rewriting the imports between ES modules too."""

    support_js_module_import_aggregation = True
    # One pass for each step in the longest chain of imports.
    max_post_process_passes = 20
