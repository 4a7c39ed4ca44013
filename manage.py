#!/usr/bin/env python
"""Django's command line for Aetos Orchestrator."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aetos.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from django.db import OperationalError

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        # A setting is wrong: the sentence names it, and where it was read says nothing more.
        if "--traceback" in sys.argv:
            raise
        sys.exit(str(error))
    except OperationalError as error:
        if "--traceback" in sys.argv:
            raise
        said = str(error).strip().split("\n", 1)[0].rstrip(".")
        sys.exit(f"The database: {said}. Is it up, has its disk room, and is DATABASE_URL right?")


if __name__ == "__main__":
    main()
