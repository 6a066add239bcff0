# SPDX-License-Identifier: Apache-2.0
"""Checks replies against openapi.json: the operation has that status, with that type and those headers, and the body has
the members that its schema states, and no others."""
import copy
import json
import re

import flow

try:
    from jsonschema import Draft202012Validator
except ImportError:
    Draft202012Validator = None
METHODS = ("get", "head", "post", "patch", "delete", "options")


def _close(schema):
    """Makes a member that no schema names an error, unless the schema says that others may come."""
    if isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict) and schema["properties"]:
            schema.setdefault("additionalProperties", False)
        for value in schema.values():
            _close(value)
    elif isinstance(schema, list):
        for value in schema:
            _close(value)


class Document:
    def __init__(self, text):
        self.doc = json.loads(text)
        strict = copy.deepcopy(self.doc)
        _close(strict["components"]["schemas"])
        _close(strict["paths"])
        self.paths, self.components = strict["paths"], strict["components"]
        self.report = json.loads((flow.ROOT / "docs" / "report.schema.json").read_text())
        self.seen = set()
        self.patterns = [(path, re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)))) for path in self.paths]

    def operations(self):
        return {(method, path) for path, item in self.paths.items() for method in item if method in METHODS}

    def _path(self, path):
        found = [name for name, pattern in self.patterns if pattern.fullmatch(path)]
        assert found, f"{path} is not in the document"
        return min(found, key=lambda name: name.count("{"))

    def _resolve(self, node):
        if "$ref" in node:
            kind, name = node["$ref"].split("/")[-2:]
            return self.components[kind][name]
        return node

    def _validate(self, value, schema, where):
        errors = Draft202012Validator({**schema, "components": self.components}).iter_errors(value)
        assert not (texts := [f"{e.json_path}: {e.message}" for e in errors]), f"{where}: {texts[:5]}"

    def check(self, method, path, reply):
        """One reply to a request for this address."""
        path, method = self._path(path.partition("?")[0]), method.lower()
        where = f"{method} {path}: {reply.status}"
        responses = self.paths[path].get(method, self.paths[path].get("get", {}))["responses"]
        assert str(reply.status) in responses, f"{where} is not in the document"
        response = self._resolve(responses[str(reply.status)])
        for name, header in response.get("headers", {}).items():
            assert name in reply.headers or not self._resolve(header).get("required"), f"{where} lacks {name}"
        self.seen.add((method, path, reply.status))
        if not reply.body:
            assert method == "head" or "content" not in response, f"{where} has no body"
            return
        kind = reply.headers["Content-Type"].partition(";")[0]
        content = response.get("content", {})
        media = content.get(kind) if kind in content else content.get(kind.partition("/")[0] + "/*")
        assert media is not None, f"{where} has the type {kind}"
        if kind.endswith("json"):
            assert "schema" in media, f"{where} has no schema"
            self._validate(json.loads(reply.body), media["schema"], where)
