"""How the schema tells of fields of our own: exactly what they take, so that a program can be held to it."""

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension

# Not empty, and no NUL, which no column can hold.
SOMETHING = r"^[^\u0000]*[^\s\u0000\u001c-\u001f\u0085\u00a0][^\u0000]*$"
ANYTHING = r"^[^\u0000]*$"
EMPTY = {"type": "string", "maxLength": 0}


class Money(OpenApiSerializerFieldExtension):
    """An amount: as text, or as a number."""

    target_class = "integrations.rest.MoneyField"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        """Return the schema, with its bounds."""
        field = self.target
        return amount(least=field.min_value, most=field.max_value, empty=field.allow_null)


class Text(OpenApiSerializerFieldExtension):
    """Text, and nothing that would have to be turned into text."""

    target_class = "integrations.rest.TextField"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        """Return the schema, with its length."""
        return text(most=self.target.max_length, blank=self.target.allow_blank)


class Truth(OpenApiSerializerFieldExtension):
    """A truth value."""

    target_class = "integrations.rest.TruthField"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        """Return the schema."""
        return {"type": "boolean"}


def amount(*, least: int | None = 0, most: int | None = 1_000_000, empty: bool = False) -> dict[str, Any]:
    """Describe an amount of money, two places being what is kept; an `empty` text is as good as null."""
    digits = rf"{'-?' if least is not None and least < 0 else ''}[0-9]{{1,6}}(\.[0-9]{{1,2}})?"
    pattern = f"^({digits})?$" if empty else f"^{digits}$"
    text = {"type": "string", "pattern": pattern, "example": "400.00"}
    number: dict[str, Any] = {"type": "number", "minimum": least, "maximum": most}
    return {"anyOf": [text, number]}


def text(*, most: int | None, blank: bool = False) -> dict[str, Any]:
    """Describe a text."""
    found: dict[str, Any] = {"type": "string", "pattern": ANYTHING if blank else SOMETHING}
    return found | ({} if blank else {"minLength": 1}) | ({"maxLength": most} if most else {})


def one_schema_a_text(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Take away the second schema that the generator gives a text that may be empty: an empty one would fit both."""

    def plain(part: Any) -> None:
        for each in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
            plain(each)
        if (
            isinstance(part, dict)
            and EMPTY in part.get("oneOf", ())
            and part["oneOf"][0].get("pattern") == ANYTHING
        ):
            part |= part.pop("oneOf")[0]

    plain(result)
    return result


def nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """Let null pass, too."""
    return {**schema, "nullable": True}
