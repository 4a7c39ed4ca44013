"""Tests of the simulated partners, against what was recorded of the real ones."""
