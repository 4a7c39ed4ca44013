"""Comparing an answer with a recorded one where values may differ but the form may not."""

from typing import Any


def same_form(recorded: Any, given: Any, where: str = "body") -> list[str]:
    """Take a recorded value and ours, return where the keys or kinds of value differ."""
    if isinstance(recorded, dict):
        if not isinstance(given, dict):
            return [f"{where}: {type(given).__name__} for an object"]
        found = [f"{where}: keys {sorted(set(recorded) ^ set(given))}"] if set(recorded) != set(given) else []
        for key in set(recorded) & set(given):
            found += same_form(recorded[key], given[key], f"{where}.{key}")
        return found
    if isinstance(recorded, list):
        if not isinstance(given, list):
            return [f"{where}: {type(given).__name__} for a list"]
        # Of two lists that are not equally long, every element has the form of the recorded first.
        models = recorded if len(recorded) == len(given) else recorded[:1] * len(given)
        found = []
        for index, (model, value) in enumerate(zip(models, given, strict=False)):
            found += same_form(model, value, f"{where}[{index}]")
        return found
    kinds = (type(recorded), type(given))
    if kinds[0] is kinds[1] or set(kinds) == {int, float}:
        return []
    # A location is mostly null; everything else keeps its kind.
    if where.endswith(".location") and type(None) in kinds:
        return []
    return [f"{where}: {kinds[1].__name__} for {kinds[0].__name__}"]
