"""Production refuses to start on an unsafe value, and says which."""

from typing import Any

import pytest
from pydantic import ValidationError

from app import installation
from app.settings import Settings

SAFE: dict[str, Any] = {
    "environment": "production",
    "public_url": "https://peers.example.org",
    "signing_keys": ("a key",),
    "sealing_keys": ("07" * 32,),
}


def test_production_starts_on_safe_values() -> None:
    assert Settings(**SAFE).environment == "production"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("clock_movable", True),
        ("lenient_nhs_numbers", True),
        ("public_url", "http://peers.example.org"),
        ("signing_keys", ()),
        ("sealing_keys", ()),
        ("argon2_memory_kib", 8),
    ],
)
def test_production_refuses_an_unsafe_value_and_names_it(name: str, value: Any) -> None:
    with pytest.raises(ValidationError, match=name):
        Settings(**(SAFE | {name: value}))


@pytest.mark.parametrize("origin", ["*", "app.example.org", "https://app.example.org/"])
def test_an_origin_is_exact(origin: str) -> None:
    with pytest.raises(ValidationError, match="cors_origins"):
        Settings(cors_origins=(origin,))


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://api@db/peers")
    monkeypatch.setenv("PEER_SUPPORT_READING_POOL", "7")
    monkeypatch.setenv("PEER_SUPPORT_CORS_ORIGINS", '["https://app.example.org"]')
    settings = Settings()
    assert settings.database_url == "postgresql://api@db/peers"
    assert settings.reading_pool == 7
    assert settings.cors_origins == ("https://app.example.org",)


def test_development_keys_are_made_once_and_kept_from_others(tmp_path: Any) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    first, second = installation.signing_keys(settings), installation.signing_keys(settings)
    assert first.kid == second.kid
    assert installation.sealer(settings).keys == installation.sealer(settings).keys
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "data").iterdir()}
    assert set(modes.values()) == {0o600}
