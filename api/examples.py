"""Examples for the OpenAPI document: of bodies that a route reads as they come, and of forms without their own."""

import json
from importlib import resources
from typing import Any

JSON = "application/json"


def put_into(schema: dict[str, Any]) -> None:
    """Add the examples of `examples.json`: `requests` and `answers` by method and path, `schemas` by name."""
    examples = json.loads(resources.files("api").joinpath("examples.json").read_text("utf-8"))
    forms = schema["components"]["schemas"]
    for name, example in examples["schemas"].items():
        forms[name].setdefault("example", example)
    for form in forms.values():
        if isinstance(example := form.get("example"), dict):
            form["example"] = {**example, **_missing(form, example, forms)}
    for at, example in examples["requests"].items():
        _operation(schema, at)["requestBody"]["content"][JSON]["example"] = example
    for at, example in examples["answers"].items():
        answers = _operation(schema, at)["responses"]
        first = min(status for status in answers if status.startswith("2"))
        answers[first]["content"][JSON]["example"] = example


def _missing(form: Any, example: dict[str, Any], forms: dict[str, Any]) -> dict[str, Any]:
    """What a form needs beyond its example, which it may have from the form that it extends."""
    return {name: _of(form["properties"][name], forms) for name in form.get("required", ()) if name not in example}


def _of(part: Any, forms: dict[str, Any]) -> Any:
    if "$ref" in part:
        return _of(forms[part["$ref"].rsplit("/", 1)[-1]], forms)
    if "properties" in part:
        given = part.get("example", {})
        return {**given, **_missing(part, given, forms)}
    if choices := part.get("anyOf"):
        return None if {"type": "null"} in choices else _of(choices[0], forms)
    if "examples" in part or "enum" in part:
        return (part.get("examples") or part["enum"])[0]
    nothing = {"array": [], "object": {}, "boolean": False, "integer": 0, "number": 0.0, "null": None, "string": ""}
    return nothing[part["type"]]


def _operation(schema: dict[str, Any], at: str) -> dict[str, Any]:
    method, path = at.split(" ", 1)
    operation: dict[str, Any] = schema["paths"][path][method]
    return operation
