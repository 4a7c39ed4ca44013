"""Which refusals each call of the API may answer with: they follow from what it takes."""

from typing import Any

METHODS = {"get", "post", "put", "patch", "delete"}
ERROR: dict[str, Any] = {
    "type": "object",
    "description": "What is wrong: a sentence, or sentences by field.",
    "required": ["detail"],
    "properties": {"detail": {}},
}
WORDS = {
    "400": "Not JSON that can be read, or a NUL in the address.",
    "401": "Not signed in, or by a token that is none (any more).",
    "403": "Signed in, but not allowed to.",
    "404": "There is nothing here.",
    "413": "The body is too large. Nothing was kept.",
    "415": "The body is of another kind.",
    "422": "Readable, but not valid: `detail` names what, by field. Nothing was changed.",
    "503": "The database is away. Nothing was changed.",
}


def describe_errors(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Add the refusals, and close the bodies in which an unknown field is one."""
    schemas = result["components"].setdefault("schemas", {})
    schemas["Error"] = ERROR
    for path, methods in result["paths"].items():
        for method in METHODS & set(methods):
            _add(path, methods[method])
    for name in _strict():
        for known in (name, f"{name}Request", f"Patched{name}Request"):
            if known in schemas:
                schemas[known]["additionalProperties"] = False
    return result


def _add(path: str, operation: dict[str, Any]) -> None:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    responses = operation["responses"]
    for status in _refusals(path, operation):
        described = responses.setdefault(status, {"description": WORDS[status]})
        described.setdefault("content", content)
    for status, described in responses.items():
        if status[0] in "45" and "content" not in described:
            described["content"] = content


def _refusals(path: str, operation: dict[str, Any]) -> set[str]:
    """Name the statuses. Who is public asks nobody, and what takes no body cannot take a wrong one."""
    if not path.startswith("/admin/"):
        return {"401", "403"} if path == "/metrics" else set()
    found = {"400", "401", "403", "503"}
    if "{" in path:
        found |= {"404"}
    if "requestBody" in operation:
        found |= {"413", "415", "422"}
    if any(each["in"] == "query" for each in operation.get("parameters", [])):
        found |= {"422"}
    if operation["operationId"] == "admin_listings_ebay_end":
        found |= {"415"}  # it may have a body all the same
    return found


def _strict() -> set[str]:
    from integrations.rest import StrictSerializer

    return {each.__name__.removesuffix("Serializer") for each in StrictSerializer.__subclasses__()}
