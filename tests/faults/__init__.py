"""The fault harness: the whole product on servers of its own, broken on purpose, and judged afterwards.

`python -m tests.faults --list` names the faults; docs/reliability.md is what a long run of it found.
"""
