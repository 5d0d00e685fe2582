"""The environment, read once; every faulty setting is named at start in one message."""

from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.errors import BadConfiguration


class Settings(BaseSettings):
    """Addresses and keys. Everything about services, rules and timings is in the site file instead."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    database_url: str = Field("", alias="DATABASE_URL")
    database_owner_url: str = Field("", alias="DATABASE_OWNER_URL")
    redis_url: str = Field("", alias="REDIS_URL")
    data_dir: Path = Field(Path("~/.local/share/nightshift"), alias="NIGHTSHIFT_DATA_DIR")
    config: Path | None = Field(None, alias="NIGHTSHIFT_CONFIG")
    playbooks: Path | None = Field(None, alias="NIGHTSHIFT_PLAYBOOKS")
    host: str = Field("127.0.0.1", alias="NIGHTSHIFT_HOST")
    port: int = Field(8080, alias="NIGHTSHIFT_PORT", ge=0, le=65535)
    # Where people and services outside reach this house, such as https://nightshift.example.
    public_url: str = Field("", alias="NIGHTSHIFT_PUBLIC_URL")
    log_level: str = Field("info", alias="NIGHTSHIFT_LOG_LEVEL", pattern="^(debug|info|warning|error)$")
    openai_base_url: str = Field("", alias="OPENAI_BASE_URL")
    openai_api_key: SecretStr = Field(SecretStr(""), alias="OPENAI_API_KEY")
    model: str = Field("", alias="NIGHTSHIFT_MODEL")
    embedding_model: str = Field("", alias="NIGHTSHIFT_EMBEDDING_MODEL")
    # Where diagnoses of incidents with Sentry's alerts are written as comments; without a token nowhere.
    sentry_url: str = Field("https://sentry.io", alias="SENTRY_URL")
    sentry_token: SecretStr = Field(SecretStr(""), alias="SENTRY_TOKEN")
    # Seals what must be read back, such as second factors. The same for all processes; empty: a file in data_dir.
    secret_key: SecretStr = Field(SecretStr(""), alias="NIGHTSHIFT_SECRET_KEY")
    # For throw-away test databases only: skips the check that fsync and synchronous_commit are on.
    unsafe_database: bool = Field(False, alias="NIGHTSHIFT_UNSAFE_DATABASE")
    # For tests of crashes: the process kills itself at the n-th passing of a named point, as `name:n`.
    crashpoint: str = Field("", alias="NIGHTSHIFT_CRASHPOINT")


def read_settings(**given: Any) -> Settings:
    """Command line over environment over default. Raises BadConfiguration naming every faulty setting."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise BadConfiguration(f"Settings that cannot be used: {faults}") from error
