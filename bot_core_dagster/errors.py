"""Every error that Bot Core raises on purpose.

Belongs here: exception types, nothing else. A message says what was expected, what came, and the next step.
Anything that is not a `BotCoreError` is a bug and is never caught by the code that tolerates a bad symbol.

BotCoreError
├── SettingsError            bot_core.toml or a BOT_CORE_* variable is wrong
├── TimeError                a naive datetime, an unknown zone, a range that ends before it starts
├── SourceError              a feed cannot give bars
│   ├── FormatError          a file is not what it was declared or detected to be
│   └── TransientSourceError it may work later: time-out, rate limit, connection
├── QualityError             bars that must not be used
├── LakeError                the lake cannot be read or written
│   ├── LakeConflictError    other writers kept winning the commit
│   └── QueryError           SQL that is wrong or not allowed
├── UnknownNameError         a symbol, table, strategy or feature that does not exist (names those that do)
├── ParameterError           a parameter out of its space, a grid that is too large (says the space and the cost)
├── ShapeError               arrays of the wrong shape or too few rows
├── ModelError               a model cannot be used: its file is corrupt or foreign, or its features have changed
└── ServiceError             the webserver, the daemon or MLflow did not come up, or a port is taken
"""


class BotCoreError(Exception):
    """Base of every expected error."""


class SettingsError(BotCoreError):
    """A settings file or variable is wrong: names the file, the key, what came and what is allowed."""


class TimeError(BotCoreError):
    """A time is naive, ambiguous, or a range ends before it starts."""


class SourceError(BotCoreError):
    """A source of bars cannot give what was asked for."""


class FormatError(SourceError):
    """A file is not of the format that was declared or detected."""


class TransientSourceError(SourceError):
    """A source failed in a way that may pass: a time-out, a rate limit, a lost connection."""


class QualityError(BotCoreError):
    """Bars failed a check that their downstream depends on."""


class LakeError(BotCoreError):
    """The lake cannot be read or written."""


class LakeConflictError(LakeError):
    """Other writers kept winning the commit; nothing was written."""


class QueryError(LakeError):
    """A SQL query is wrong, or tries what the session does not allow."""


class UnknownNameError(BotCoreError):
    """A name that does not exist; the message lists those that do."""


class ParameterError(BotCoreError):
    """A parameter lies outside of its space or breaks a constraint; the message says which values are allowed."""


class ShapeError(BotCoreError):
    """An array has the wrong shape, or too few rows."""


class ModelError(BotCoreError):
    """A model cannot be used: its files are gone, corrupt or another's, or its features or schema have changed."""


class ServiceError(BotCoreError):
    """A process that `bot-core up` looks after did not become healthy, or MLflow's database cannot be opened."""
