"""Static files for production: hashed names, compressed, with ES module imports rewritten to the hashed names."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class ModuleManifestStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # whitenoise ships no types
    support_js_module_import_aggregation = True
    # A hash changes with the hashes of what a module imports, so the longest import chain needs one pass per link.
    max_post_process_passes = 12
