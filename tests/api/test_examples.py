"""Every JSON body in the OpenAPI document has an example, and each example is one that its own schema accepts."""

from collections.abc import Iterator
from typing import Any

import jsonschema_rs

from tests.api.conftest import Door

Json = dict[str, Any]
DEEP_MAX = 3


def bodies(document: Json) -> Iterator[tuple[str, Json]]:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            contents = [operation.get("requestBody", {}).get("content", {})]
            contents += [one.get("content", {}) for code, one in operation["responses"].items() if code.startswith("2")]
            for content in contents:
                # An empty answer has no form, and what Slack posts is a signed form of its own.
                if "application/json" in content and path not in ("/api/v2/alerts", "/api/v1/chat/slack/{channel}"):
                    yield f"{method} {path}", content["application/json"]


def is_shown(part: Json, schemas: Json, deep: int = 0) -> bool:
    """Can a reader see what it looks like: by an example, a choice of words, or by those of its parts?"""
    while "$ref" in part:
        part = schemas[part["$ref"].rsplit("/", 1)[-1]]
    if part.keys() & {"example", "examples", "enum", "const"} or (deep and part.get("type") not in ("object", "array")):
        return "anyOf" not in part or any(is_shown(one, schemas, deep) for one in part["anyOf"])
    if part.get("type") == "array":
        return is_shown(part["items"], schemas, deep)
    if part.get("type") == "object" and "properties" in part:
        return deep < DEEP_MAX and all(is_shown(one, schemas, deep + 1) for one in part["properties"].values())
    return bool(deep) or any(is_shown(one, schemas, deep) for one in part.get("anyOf", part.get("oneOf", ())))


async def test_every_body_has_an_example_and_every_example_is_one(door: Door) -> None:
    document = (await door.get("/openapi.json")).json()
    schemas = document["components"]["schemas"]
    bare = [(at, body.get("schema", {})) for at, body in bodies(document) if not body.keys() & {"example", "examples"}]
    assert [at for at, schema in bare if not is_shown(schema, schemas)] == []

    faults, tried = [], 0
    for name, schema in schemas.items():
        check = jsonschema_rs.validator_for({**schema, "components": {"schemas": schemas}}, validate_formats=True)
        for example in [*([schema["example"]] if "example" in schema else ()), *schema.get("examples", ())]:
            tried += 1
            faults += [f"{name}: {error.message}" for error in check.iter_errors(example)]
    assert faults == []
    assert tried > 50
