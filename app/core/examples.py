"""Examples for the API's document, made from the shapes themselves so that they cannot go stale."""

from typing import Any

BY_FORMAT = {
    "uuid": "0190f3c4-7c1e-7c3a-9d55-2f6a8f1f0b11",
    "date": "2026-03-02",
    "date-time": "2026-03-02T09:30:00Z",
    "email": "sam@example.org",
    "binary": "",
}


def add_examples(document: dict[str, Any]) -> None:
    """Give every request body and every success an example, where it has none of its own.

    An answer's example has every field; a request's has what is needed, so that it can be sent as it stands.
    """
    schemas = document["components"]["schemas"]
    for operations in document["paths"].values():
        for operation in operations.values():
            _fill(operation.get("requestBody", {}), _needed(schemas))
            for status, answer in operation["responses"].items():
                if str(status).startswith("2"):
                    _fill(answer, schemas)


def _fill(holder: dict[str, Any], schemas: dict[str, Any]) -> None:
    for content in holder.get("content", {}).values():
        if "schema" in content and not ({"example", "examples"} & content.keys()):
            content["example"] = _example(content["schema"], schemas, 0)


def _needed(schemas: dict[str, Any]) -> dict[str, Any]:
    """The same shapes with the fields that must be sent, or the first two where none must."""
    return {name: _lean(schema) for name, schema in schemas.items()}


def _lean(schema: dict[str, Any]) -> dict[str, Any]:
    fields = schema.get("properties", {})
    wanted = schema.get("required") or list(fields)[:2]
    return schema | {"properties": {name: fields[name] for name in fields if name in wanted}} if fields else schema


def _example(schema: dict[str, Any], schemas: dict[str, Any], depth: int) -> Any:
    if "$ref" in schema:
        return _example(schemas[schema["$ref"].rsplit("/", 1)[1]], schemas, depth)
    for given in ("const", "default"):
        if schema.get(given) is not None:
            return schema[given]
    for listed in ("examples", "enum"):
        if schema.get(listed):
            return schema[listed][0]
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return _example(schema[choice][0], schemas, depth)
    return _example_of_type(schema, schemas, depth)


def _example_of_type(schema: dict[str, Any], schemas: dict[str, Any], depth: int) -> Any:
    kind = schema.get("type")
    if kind == "object" or "properties" in schema:
        if depth > 6:
            return {}
        return {n: _example(s, schemas, depth + 1) for n, s in schema.get("properties", {}).items()}
    if kind == "array":
        return [_example(schema.get("items", {}), schemas, depth + 1)] if depth < 6 else []
    if kind == "string":
        return BY_FORMAT.get(schema.get("format", ""), "text"[: schema.get("maxLength", 4)])
    if kind == "integer":
        return int(schema.get("minimum", 1))
    if kind == "number":
        return schema.get("minimum", 1)
    return kind == "boolean"
