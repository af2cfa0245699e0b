"""The settings of `manage.py migrate` in a release to come."""

from config.settings.base import *  # noqa: F403

INSTALLED_APPS = [*INSTALLED_APPS, "tests.faults.next_release"]  # noqa: F405
