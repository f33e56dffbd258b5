"""Every setting of the service, read from `XINXIN_*` once, when a process starts, and passed down from there."""

from functools import cache
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

SAMPLE_MARK = "sample"  # what .env.example writes into secrets; production refuses to start with it


class UnsafeSettings(ValueError):
    """Production was asked to start with a sample secret, the simulator or the demo."""


@cache
def openssl_has_sm4() -> bool:
    """Asked once: some distributions build OpenSSL without SM4 and SM3. Loads the library when it is asked, not before."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.hashes import SM3, Hash

    try:
        Cipher(algorithms.SM4(bytes(16)), modes.GCM(bytes(12))).encryptor()
        Hash(SM3())
    except UnsupportedAlgorithm:
        return False
    return True


class Settings(BaseSettings):
    """Names and meanings are the contract's; `.env.example` shows each with a safe sample."""

    model_config = SettingsConfigDict(env_prefix="XINXIN_", extra="ignore", frozen=True)

    database_url: str | None = Field(None, description="PostgreSQL 16 or newer; empty starts the embedded server in DATA_DIR")
    data_dir: Path = Field(Path("data"), description="folder for the embedded database, photos and generated keys")
    env: Literal["development", "production"] = Field("development", description="production refuses samples, demo and simulator")
    demo: bool | None = Field(None, description="load the demo county; empty means: in development only")
    secret_keys: str | None = Field(None, description="kid:base64 of 32 bytes, comma-separated, the first signs; empty generates keys.json")
    field_keys: str | None = Field(None, description="kid:base64 of 32 bytes, comma-separated, the first seals; empty generates keys.json")
    field_cipher: Literal["aes-256-gcm", "sm4-gcm"] = Field("aes-256-gcm", description="what seals; values of the other are read too")
    metrics_token: str | None = Field(None, description="bearer token of /metrics; 404 while empty")
    wechat_appid: str = Field("wx0000000000000000", description="AppID of the mini program")
    wechat_secret: str = Field("sample-wechat-secret", description="AppSecret of the mini program")
    wechat_base_url: str | None = Field(None, description="https://api.weixin.qq.com; empty starts the simulator (development only)")
    wechat_push_token: str | None = Field(None, description="token of WeChat's message push")
    wechat_push_aes_key: str | None = Field(None, description="EncodingAESKey of the message push, 43 characters")
    storage_url: str | None = Field(None, description="file:///path or s3://KEY:SECRET@host/bucket?region=R; empty means DATA_DIR/objects")
    admin_password: str | None = Field(None, description="password of create-admin and of the demo's administrator")
    public_base_url: str = Field("http://127.0.0.1:8000", description="address that phones reach; links and QR codes start with it")

    @property
    def production(self) -> bool:
        return self.env == "production"

    @property
    def demo_enabled(self) -> bool:
        return not self.production if self.demo is None else self.demo

    @property
    def object_store_url(self) -> str:
        return self.storage_url or f"file://{(self.data_dir / 'objects').resolve()}"

    @model_validator(mode="before")
    @classmethod
    def _empty_is_unset(cls, values: dict[str, object]) -> dict[str, object]:
        return {name: value for name, value in values.items() if value != ""}

    @model_validator(mode="after")
    def _refuse_unsafe_production(self) -> Self:
        if self.production:
            for name in ("secret_keys", "field_keys", "wechat_secret", "wechat_base_url"):
                value = getattr(self, name)
                if not value or SAMPLE_MARK in value:
                    raise UnsafeSettings(f"XINXIN_{name.upper()} is missing or a sample: production does not start with it")
            if self.demo:
                raise UnsafeSettings("XINXIN_DEMO=1 is not for production")
            if urlsplit(self.wechat_base_url or "").hostname in {"127.0.0.1", "localhost", "::1"}:
                raise UnsafeSettings("XINXIN_WECHAT_BASE_URL points at this machine: production does not talk to a simulator")
        return self

    @model_validator(mode="after")
    def _refuse_a_cipher_that_is_not_there(self) -> Self:
        if self.field_cipher == "sm4-gcm" and not openssl_has_sm4():
            raise UnsafeSettings("XINXIN_FIELD_CIPHER=sm4-gcm: the OpenSSL of this machine's cryptography package has no SM4 and SM3")
        return self
