"""The frame: settings, routes, Celery, health. Nothing imports it."""

from aetos.celery import app as celery_app

__all__ = ["celery_app"]
