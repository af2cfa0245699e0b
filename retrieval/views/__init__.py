"""Pages of the portal: searching what documents say, and evaluation under `settings/evaluations/`."""
