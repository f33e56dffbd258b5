"""Every setting of the service, read from `XINXIN_*` once, when a process starts, and passed down from there."""

import re
from functools import cache
from ipaddress import ip_network
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


def _listed(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


class Settings(BaseSettings):
    """Names and meanings are the contract's; `.env.example` shows each with a safe sample."""

    model_config = SettingsConfigDict(env_prefix="XINXIN_", extra="ignore", frozen=True, hide_input_in_errors=True)

    database_url: str | None = Field(None, description="PostgreSQL 16 or newer; empty starts the embedded server in DATA_DIR")
    read_database_url: str | None = Field(
        None, description="one standby of that database, which maps, facets and other figures are read from; empty reads them there too"
    )
    data_dir: Path = Field(Path("data"), description="folder for the embedded database, photos and generated keys")
    env: Literal["development", "production"] = Field("development", description="production refuses samples, demo and simulator")
    demo: bool | None = Field(None, description="load the demo county; empty means: in development only")
    secret_keys: str | None = Field(None, description="kid:base64 of 32 bytes, comma-separated, the first signs; empty generates keys.json")
    field_keys: str | None = Field(None, description="kid:base64 of 32 bytes, comma-separated, the first seals; empty generates keys.json")
    field_cipher: Literal["aes-256-gcm", "sm4-gcm"] = Field("aes-256-gcm", description="what seals; values of the other are read too")
    metrics_token: str | None = Field(None, description="bearer token of /metrics; 404 while empty")
    otlp_endpoint: str | None = Field(None, description="OpenTelemetry collector of the traces, as http://host:4318; empty traces nothing")
    wechat_appid: str = Field("wx0000000000000000", description="AppID of the mini program")
    wechat_secret: str = Field("sample-wechat-secret", description="AppSecret of the mini program")
    wechat_base_url: str | None = Field(None, description="https://api.weixin.qq.com; empty starts the simulator (development only)")
    wechat_version: Literal["release", "trial", "develop"] = Field(
        "release", description="version of the mini program that codes, links and messages open: trial before its first release"
    )
    wechat_push_token: str | None = Field(
        None, description="token of WeChat's message push; during a change the new and the former one, comma-separated"
    )
    wechat_push_aes_key: str | None = Field(
        None, description="EncodingAESKey of the message push, 43 characters; during a change the new and the former one, comma-separated"
    )
    wechat_api_cipher: Literal["aes256-gcm", "sm4-gcm"] | None = Field(
        None, description="API security of WeChat's console: what encrypts the calls that WeChat takes so; empty sends them as they are"
    )
    wechat_api_key: str | None = Field(None, description="its symmetric key, number:base64")
    wechat_api_signing_key: str | None = Field(None, description="its RSA private key, number:/path/of.pem")
    wechat_api_platform_keys: str | None = Field(
        None, description="WeChat's certificates or public keys, number:/path/of.pem, comma-separated: two while WeChat changes its own"
    )
    storage_url: str | None = Field(None, description="file:///path or s3://KEY:SECRET@host/bucket?region=R; empty means DATA_DIR/objects")
    admin_password: str | None = Field(None, description="password of create-admin and of the demo's administrator")
    trusted_proxies: str | None = Field(
        None, description="addresses or networks of reverse proxies whose X-Forwarded-For is believed, comma-separated; empty: nobody's"
    )
    public_base_url: str = Field("http://127.0.0.1:8000", description="address that phones reach; links and QR codes start with it")
    sms_provider: Literal["console", "tencent", "off"] | None = Field(
        None, description="who sends SMS; empty means console (a line in the log) in development, off in production"
    )
    sms_base_url: str = Field("https://sms.tencentcloudapi.com", description="address of Tencent Cloud SMS")
    sms_region: str = Field("ap-guangzhou", description="region of Tencent Cloud SMS")
    sms_secret_id: str | None = Field(None, description="SecretId of a Tencent Cloud account that may send SMS and nothing else")
    sms_secret_key: str | None = Field(None, description="its SecretKey")
    sms_app_id: str | None = Field(None, description="SmsSdkAppId")
    sms_sign_name: str | None = Field(None, description="registered signature, without its brackets")
    sms_templates: str | None = Field(None, description="registered texts, as invitation:123,staff:456")

    @property
    def production(self) -> bool:
        return self.env == "production"

    @property
    def demo_enabled(self) -> bool:
        return not self.production if self.demo is None else self.demo

    @property
    def object_store_url(self) -> str:
        return self.storage_url or f"file://{(self.data_dir / 'objects').resolve()}"

    @property
    def proxies(self) -> tuple[str, ...]:
        return _listed(self.trusted_proxies)

    @property
    def push_tokens(self) -> tuple[str, ...]:
        return _listed(self.wechat_push_token)

    @property
    def push_aes_keys(self) -> tuple[str, ...]:
        return _listed(self.wechat_push_aes_key)

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
    def _refuse_a_push_that_cannot_be_read(self) -> Self:
        """A key that is none would refuse every event, and nobody would know why."""
        if not all(re.fullmatch("[A-Za-z0-9]{3,32}", token) for token in self.push_tokens):
            raise UnsafeSettings("XINXIN_WECHAT_PUSH_TOKEN: a token is 3 to 32 letters and digits")
        if not all(re.fullmatch("[A-Za-z0-9+/]{43}", key) for key in self.push_aes_keys):
            raise UnsafeSettings("XINXIN_WECHAT_PUSH_AES_KEY: an EncodingAESKey is 43 characters of base64")
        return self

    @model_validator(mode="after")
    def _refuse_to_believe_everybody(self) -> Self:
        """Limits and the trail count by address: who is believed says any."""
        for proxy in self.proxies:
            try:
                sized = ip_network(proxy, strict=False).prefixlen
            except ValueError:
                sized = 0
            if sized == 0:
                raise UnsafeSettings(f"XINXIN_TRUSTED_PROXIES: {proxy} is neither an address nor a network of a proxy's")
        return self

    @model_validator(mode="after")
    def _refuse_a_collector_that_is_none(self) -> Self:
        address = urlsplit(self.otlp_endpoint or "http://none")
        if address.scheme not in ("http", "https") or not address.hostname:
            raise UnsafeSettings("XINXIN_OTLP_ENDPOINT: an address begins with http:// or https://")
        return self

    @model_validator(mode="after")
    def _refuse_half_an_sms_account(self) -> Self:
        if self.production and self.sms_provider == "console":
            raise UnsafeSettings("XINXIN_SMS_PROVIDER=console is not for production: nobody would get an SMS")
        if self.sms_provider == "tencent":
            for name in ("sms_secret_id", "sms_secret_key", "sms_app_id", "sms_sign_name", "sms_templates"):
                if not getattr(self, name):
                    raise UnsafeSettings(f"XINXIN_{name.upper()} is missing: Tencent Cloud SMS needs it")
        return self

    @model_validator(mode="after")
    def _refuse_a_cipher_that_is_not_there(self) -> Self:
        for name, cipher in (("FIELD_CIPHER", self.field_cipher), ("WECHAT_API_CIPHER", self.wechat_api_cipher)):
            if cipher == "sm4-gcm" and not openssl_has_sm4():
                raise UnsafeSettings(f"XINXIN_{name}=sm4-gcm: the OpenSSL of this machine's cryptography package has no SM4 and SM3")
        return self

    @model_validator(mode="after")
    def _refuse_half_an_api_security(self) -> Self:
        keys = (self.wechat_api_key, self.wechat_api_signing_key, self.wechat_api_platform_keys)
        if self.wechat_api_cipher and not (all(keys) and self.wechat_base_url):
            raise UnsafeSettings("XINXIN_WECHAT_API_CIPHER needs the three other XINXIN_WECHAT_API_* and a WECHAT_BASE_URL")
        return self
