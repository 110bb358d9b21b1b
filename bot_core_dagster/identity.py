"""Identity of what decides a result: the code as a hash, and JSON that is equal for what is equal.

Belongs here: what searches for parameters and trainings of models have in common. Not here: what makes a trial
(`optimization.identity`) or a model (`models.card`) the same, hashes of rows (`lake.identity`).
"""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any


def sources_hash(folders: Iterable[Path]) -> str:
    """Return the sha256 of all Python files of folders, at any depth: of where each lies in them and what it holds."""
    digest = hashlib.sha256()
    for folder in folders:
        for file in sorted(folder.rglob("*.py")):
            code = file.read_bytes()
            digest.update(f"{folder.name}/{file.relative_to(folder).as_posix()} {len(code)}\n".encode())
            digest.update(code)
    return digest.hexdigest()


def as_json(content: Mapping[str, Any]) -> str:
    """Return canonical JSON: sorted keys, NaN as null, times in ISO 8601, whole numbers alike as int and float."""
    return json.dumps({key: _plain(part) for key, part in content.items()}, sort_keys=True, ensure_ascii=False)


def _plain(part: Any) -> Any:
    if isinstance(part, datetime):
        return part.isoformat()
    if isinstance(part, float):
        return None if math.isnan(part) else int(part) if part.is_integer() else part
    return part
