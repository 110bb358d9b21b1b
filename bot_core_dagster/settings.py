"""Settings: bot_core.toml and BOT_CORE_* variables, checked once, read-only afterwards.

Belongs here: what a user may set, its bounds and its errors. Not here: defaults of algorithms that nobody sets, and how
the file is edited (`cli.watchlist`), how an error reads (`settings_errors`), where files are (`places`).
"""

import os
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError as UnreadableVariableError
from typing_extensions import override

from bot_core_dagster.errors import SettingsError, UnknownNameError
from bot_core_dagster.places import PLACES, PREFIX
from bot_core_dagster.places import PROJECT_ROOT as PROJECT_ROOT
from bot_core_dagster.places import settings_file as settings_file
from bot_core_dagster.places import state_home as state_home
from bot_core_dagster.settings_errors import first_error, unreadable_variable
from bot_core_dagster.timeframe import Timeframe

Bps = Annotated[float, Field(ge=0, le=1_000)]
SignedBps = Annotated[float, Field(ge=-1_000, le=1_000)]
Share = Annotated[float, Field(ge=0, le=1)]
Distance = Annotated[float, Field(gt=0, lt=1)]
"""Of a stop or a target from the entry price, as a fraction."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Costs(_Section):
    """Costs in basis points of the notional: of one side of a trade, and of holding it. None is unknown, not 0.

    swap_*_bps: per night at 17:00 New York, three times on the triple day; positive is paid, negative is got.
    funding_bps: per 8 hours, paid by longs and got by shorts of a perpetual. borrow_bps_per_year: of a spot short.
    """

    fee_bps: Bps = 0.0
    spread_bps: Bps = 0.0
    slippage_bps: Bps = 0.0
    swap_long_bps: SignedBps | None = None
    swap_short_bps: SignedBps | None = None
    swap_triple_day: Literal["monday", "tuesday", "wednesday", "thursday", "friday"] = "wednesday"
    funding_bps: SignedBps | None = None
    borrow_bps_per_year: float | None = Field(default=None, ge=0, le=100_000)


def _is_symbol(text: str) -> str:
    if not text.strip() or text != text.strip() or len(text) > 64 or not text.isprintable() or "..." in text:
        raise ValueError("a symbol is 1 to 64 printable characters, without '...' and outer blanks")
    return text


Symbol = Annotated[str, AfterValidator(_is_symbol)]


class Instrument(_Section):
    """A traded thing on the watchlist; its id is the symbol."""

    symbol: Symbol
    venue: str = Field(min_length=1)
    timeframe: Timeframe
    base: str = Field(min_length=1)
    quote: str = Field(min_length=1)
    calendar: Literal["crypto", "fx", "metals"]
    price_side: Literal["trade", "bid", "ask", "mid"]
    source: Literal["simulated", "file", "ccxt"]
    costs: Costs = Costs()
    lot_step: float = Field(default=0.0, ge=0)
    min_lot: float = Field(default=0.0, ge=0)


class SimulatedSettings(_Section):
    """The embedded source."""

    seed: int = Field(default=2, ge=0, lt=2**63)
    edge: Share = 0.0


class CcxtSettings(_Section):
    """An exchange over HTTP."""

    exchange: str = "binance"
    timeout_s: float = Field(default=10.0, gt=0, le=120)
    max_attempts: int = Field(default=6, ge=1, le=20)
    base_url: str | None = None


class SourcesSettings(_Section):
    """One section a source."""

    simulated: SimulatedSettings = SimulatedSettings()
    ccxt: CcxtSettings = CcxtSettings()


class HistorySettings(_Section):
    """How far back a new symbol is filled."""

    start: datetime = datetime(2024, 1, 1, tzinfo=UTC)

    @field_validator("start", mode="before")
    @classmethod
    def _is_no_number(cls, came: Any) -> Any:
        if isinstance(came, int | float) or (isinstance(came, str) and came.strip("+-").replace(".", "").isdigit()):
            raise ValueError("should be a time with a zone, e.g. 2024-01-01T00:00:00Z")
        return came

    @field_validator("start")
    @classmethod
    def _has_a_zone(cls, start: datetime) -> datetime:
        if start.tzinfo is None:
            raise ValueError("needs a time zone, e.g. 2024-01-01T00:00:00Z")
        return start


class StrategySettings(_Section):
    """One strategy: whether it is traded, its parameters where they are not the defaults, and how it is traded.

    Which names and parameters there are is for `strategies.registry` to say: a strategy is a file, not a setting.
    """

    enabled: bool = True
    parameters: dict[str, float] = Field(default_factory=dict)
    allow_short: bool = False
    fraction: float = Field(default=1.0, gt=0, le=1)
    stop: Distance | None = None
    target: float | None = Field(default=None, gt=0, le=100)
    trailing_stop: Distance | None = None


class OptimizationSettings(_Section):
    """The search for parameters, and the gate before they are deployed."""

    method: Literal["grid", "random", "tpe"] = "grid"
    parameter_variations: int = Field(default=200, ge=1, le=1_000_000)
    lookback_days: int = Field(default=1_095, ge=30, le=36_500)
    objective: str = "sharpe_ratio"
    min_trades: int = Field(default=30, ge=1)
    max_pbo: Share = 0.2
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    seed: int = Field(default=0, ge=0, lt=2**63)


MIN_DAYS_OF_DATA: Final = 60
"""With fewer hours of a market that closes at weekends, purging leaves nothing of a slice."""

ModelType = Literal["lstm", "gru", "transformer", "boosting"]


class ModelsSettings(_Section):
    """Training of models, their comparison on unseen rows, and the shorter first training of `bot-core run`."""

    types: tuple[ModelType, ...] = ("lstm", "gru", "transformer", "boosting")
    days_of_data: int = Field(default=730, ge=MIN_DAYS_OF_DATA, le=36_500)
    unseen_days: int = Field(default=365, ge=7, le=36_500)
    max_epochs: int = Field(default=60, ge=1, le=10_000)
    patience: int = Field(default=5, ge=1, le=1_000)
    folds: int = Field(default=1, ge=1, le=50)
    seed: int = Field(default=0, ge=0, lt=2**31)
    first_days_of_data: int = Field(default=90, ge=MIN_DAYS_OF_DATA, le=36_500)
    first_unseen_days: int = Field(default=60, ge=7, le=36_500)
    first_max_epochs: int = Field(default=3, ge=1, le=10_000)
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    min_effect: float = Field(default=0.001, ge=0, le=1)
    min_rows: int = Field(default=500, ge=50)


class PortfolioSettings(_Section):
    """The monthly review."""

    initial_equity: float = Field(default=10_000.0, gt=0)
    max_drawdown_limit: Share = 0.20
    min_sharpe_ratio: float = 0.0
    max_attribution_share: Share = 0.60
    min_trades: int = Field(default=30, ge=0)
    max_cost_share: Share = 0.50


class QualitySettings(_Section):
    """Beyond these a symbol fails and its downstream stops."""

    max_missing_share: Share = 0.05
    max_stale_bars: int = Field(default=48, ge=1)
    price_jump_sigmas: float = Field(default=12.0, gt=0)


class RetentionSettings(_Section):
    """What is kept, and for how long."""

    run_days: int = Field(default=30, ge=1)
    lake_hours: int = Field(default=168, ge=1)


class Settings(BaseSettings):
    """Everything a user may set. Variables win over the file."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    watchlist: tuple[Instrument, ...] = ()
    sources: SourcesSettings = SourcesSettings()
    history: HistorySettings = HistorySettings()
    strategies: dict[str, StrategySettings] = Field(default_factory=dict)
    optimization: OptimizationSettings = OptimizationSettings()
    models: ModelsSettings = ModelsSettings()
    portfolio: PortfolioSettings = PortfolioSettings()
    quality: QualitySettings = QualitySettings()
    retention: RetentionSettings = RetentionSettings()

    @classmethod
    @override
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (env_settings, init_settings)

    @model_validator(mode="after")
    def _symbols_are_unique(self) -> "Settings":
        symbols = [instrument.symbol for instrument in self.watchlist]
        twice = sorted({symbol for symbol in symbols if symbols.count(symbol) > 1})
        if twice:
            raise ValueError(f"watchlist names {', '.join(twice)} more than once; a symbol stands there once")
        return self

    def instrument(self, symbol: str) -> Instrument:
        """Return the watchlist's instrument of that symbol.

        Raises
        ------
        UnknownNameError
            If it is not there; the message names those that are.
        """
        for instrument in self.watchlist:
            if instrument.symbol == symbol:
                return instrument
        known = ", ".join(instrument.symbol for instrument in self.watchlist) or "none"
        raise UnknownNameError(
            f"{symbol} is not on the watchlist (there: {known}); next: bot-core symbols add {symbol}"
        )


def load_settings(file: Path | None = None) -> Settings:
    """Read and check the settings file and the BOT_CORE_* variables.

    Raises
    ------
    SettingsError
        On the first thing that is wrong: names the file or variable, the key, what came and what is allowed.
    """
    path = file or settings_file()
    _refuse_unknown_variables()
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"{path}: no such settings file; set BOT_CORE_CONFIG or run from a checkout") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read as TOML: {error}") from None
    try:
        return Settings(**content)
    except ValidationError as error:
        raise SettingsError(first_error(Settings, path, content, error)) from None
    except UnreadableVariableError as error:
        raise SettingsError(unreadable_variable(error)) from None


def _refuse_unknown_variables() -> None:
    known = {name.upper() for name in Settings.model_fields}
    for variable in sorted(os.environ):
        head, *parts = variable.upper().removeprefix(PREFIX).split("__")
        if not variable.upper().startswith(PREFIX):
            continue
        if head not in known and head not in PLACES:
            allowed = ", ".join(sorted(PREFIX + name for name in (*known, *PLACES)))
            raise SettingsError(f"unknown variable {variable}; allowed (with __KEY for a part): {allowed}")
        if head == "WATCHLIST" and parts:
            raise SettingsError(f"unknown variable {variable}; allowed: {PREFIX}WATCHLIST, the whole list as JSON")
