"""MLflow's model registry, as the lake's decisions want it.

Belongs here: what a symbol's registered model should look like, and making it so. Not here: which model serves a symbol
and why (`bot_core_dagster.models`): the lake is the truth, and MLflow shows it.

Each step leaves a registry from which the same call goes on: a process may be killed anywhere between them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from bot_core_dagster.errors import UnknownNameError
from resources.mlflow_store import MlflowStore

VERSION_TAG: Final = "bot_core/version_id"
SYMBOL_TAG: Final = "bot_core/symbol"


@dataclass(frozen=True)
class WantedVersion:
    """A model version: our id, the MLflow run that trained it where one is known, the folder of its files."""

    version_id: str
    run_id: str | None
    folder: Path


@dataclass(frozen=True)
class WantedModel:
    """What MLflow should say about one symbol: versions, oldest first, and which of them (by our id) has which alias.

    Raises
    ------
    UnknownNameError
        If an alias names none of the versions.
    """

    symbol: str
    versions: tuple[WantedVersion, ...]
    champion: str | None
    challenger: str | None

    def __post_init__(self) -> None:
        known = [version.version_id for version in self.versions]
        for wanted in (self.champion, self.challenger):
            if wanted is not None and wanted not in known:
                raise UnknownNameError(f"{self.symbol} has no model version {wanted} (there: {', '.join(known)})")

    @property
    def name(self) -> str:
        """The symbol as the name of a registered model, which holds neither / nor : nor what an address escapes.

        Letters, digits, `_` and `-` stay; any other byte becomes ~ and two hexadecimal digits: BTC~2FUSDT.
        """
        return quote(self.symbol, safe="").replace("~", "%7E").replace(".", "%2E").replace("%", "~")


def reconcile_models(store: MlflowStore, wanted: Sequence[WantedModel]) -> int:
    """Make the registry say what is wanted; return how many writes that took, 0 where it said so already.

    What is missing is created, aliases are set and removed; versions that are not wanted stay, without an alias.
    """
    client = store.open().client
    with store.lock():
        return sum(_create_missing(client, model) + _set_aliases(client, model) for model in wanted)


def _create_missing(client: Any, wanted: WantedModel) -> int:
    known = _versions_by_id(client, wanted.name)
    missing = [version for version in wanted.versions if version.version_id not in known]
    n_models = 0
    if missing and not client.search_registered_models(f"name = '{wanted.name}'"):
        client.create_registered_model(wanted.name, tags={SYMBOL_TAG: wanted.symbol})
        n_models = 1
    for version in missing:
        tags = {VERSION_TAG: version.version_id, SYMBOL_TAG: wanted.symbol}
        client.create_model_version(wanted.name, version.folder.as_uri(), version.run_id, tags=tags)
    return n_models + len(missing)


def _set_aliases(client: Any, wanted: WantedModel) -> int:
    found = client.search_registered_models(f"name = '{wanted.name}'")
    has = {alias: int(number) for alias, number in found[0].aliases.items()} if found else {}
    known = _versions_by_id(client, wanted.name)
    n_writes = 0
    for alias, version_id in (("champion", wanted.champion), ("challenger", wanted.challenger)):
        number = known[version_id] if version_id is not None else None
        if has.get(alias) == number:
            continue
        if number is None:
            client.delete_registered_model_alias(wanted.name, alias)
        else:
            client.set_registered_model_alias(wanted.name, alias, str(number))
        n_writes += 1
    return n_writes


def _versions_by_id(client: Any, name: str) -> dict[str, int]:
    """Return MLflow's number of each of our versions."""
    numbers: dict[str, int] = {}
    token = None
    while True:
        page = client.search_model_versions(f"name = '{name}'", page_token=token)
        numbers |= {version.tags[VERSION_TAG]: int(version.version) for version in page if VERSION_TAG in version.tags}
        token = page.token
        if not token:
            return numbers
