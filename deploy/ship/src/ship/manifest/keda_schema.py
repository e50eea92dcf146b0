"""Reads ScaledObjects (a JSON list) from its input and writes what is wrong with them, a line each.

Runs by itself in the environment that has KEDA's models (.venv-ship), so it imports nothing of ours. KEDA's own schema
lets unknown keys pass; here they are faults, except where a map is free.
"""

import importlib
import json
import sys
from typing import Any


def close(schema: Any) -> Any:
    """The schema with every object closed that names its properties."""
    if isinstance(schema, list):
        return [close(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: close(value) for key, value in schema.items()}
    if closed.get("type") == "object" and "properties" in closed:
        closed["additionalProperties"] = False
    return closed


def main() -> None:
    # Only the environment that it runs in has these two.
    models = importlib.import_module("cloudcoil.models.keda.v1alpha1")
    jsonschema = importlib.import_module("jsonschema")
    validator = jsonschema.Draft202012Validator(close(models.ScaledObject.model_json_schema()))
    for document in json.load(sys.stdin):
        for error in validator.iter_errors(document):
            place = ".".join(str(step) for step in error.absolute_path)
            sys.stdout.write(f"ScaledObject {document['metadata']['name']}: {place}: {error.message[:200]}\n")


if __name__ == "__main__":
    main()
