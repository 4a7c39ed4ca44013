"""What a process of a stack does once it has loaded the product: make haste, arm its points, lose a protection."""

import os

from django.apps import AppConfig


class Faults(AppConfig):
    """Last among the apps, so that all that it patches is there."""

    name = "tests.faults"
    label = "faults"

    def ready(self) -> None:
        """Patch this process; the product itself knows nothing of it."""
        # Each file registers its own twins.
        from tests.faults import node_twins, pace, partner_twins, points, twins  # noqa: F401

        pace.set_clock(int(os.environ.get("FAULTS_CLOCK", "0")))
        pace.quicken()
        for name in filter(None, os.environ.get("FAULTS_TWINS", "").split(",")):
            twins.TWINS[name]()
        points.arm(os.environ["FAULTS_FOLDER"])
