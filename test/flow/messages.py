# SPDX-License-Identifier: Apache-2.0
"""Holds messages against docs/events.schema.json: each has the members that its type requires, no others, of the types
that the schema states. Of JSON Schema, what the schema uses."""
import json

import flow

API = "openapi.json#/components/schemas/"
TYPES = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "object": dict, "array": list, "null": type(None)}


def _fits(value, name):
    return isinstance(value, TYPES[name]) and not (isinstance(value, bool) and name in ("integer", "number"))


class Messages:
    def __init__(self, kind):
        schema = json.loads((flow.ROOT / "docs" / "events.schema.json").read_text())
        self.types = {t["title"]: t for t in schema["$defs"][kind]["oneOf"]}
        self.api = json.loads((flow.ROOT / "src" / "net" / "api" / "openapi.json").read_text())["components"]["schemas"]

    def _check(self, value, schema, where):
        ref = schema.get("$ref", "")
        if ref:
            schema = self.api[ref.rpartition("/")[2]]
        wanted = schema.get("type")
        if wanted:
            names = wanted if isinstance(wanted, list) else [wanted]
            assert any(_fits(value, n) for n in names), f"{where} is {value!r}, not {wanted}"
        assert value == schema.get("const", value), f"{where} is {value!r}"
        assert value in schema.get("enum", [value]), f"{where} is {value!r}, not one of {schema.get('enum')}"
        if isinstance(value, dict) and schema.get("properties"):
            missing = set(schema.get("required", ())) - set(value)
            assert not missing, f"{where} lacks {missing}"
            for name, member in value.items():
                assert name in schema["properties"] or schema.get("additionalProperties"), f"{where}.{name} is in no schema"
                self._check(member, schema["properties"].get(name, {}), f"{where}.{name}")
        if isinstance(value, list):
            for i, item in enumerate(value):
                self._check(item, schema.get("items", {}), f"{where}[{i}]")

    def check(self, message):
        assert message["type"] in self.types, f"no message type {message['type']}"
        self._check(message, self.types[message["type"]], message["type"])
