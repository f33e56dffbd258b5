"""Debian's nginx with the production configuration of scripts/nginx.conf, before replicas of ours, on a port of its own with TLS."""

import datetime
import shutil
import socket
import ssl
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.service import ROOT, free_port, until

CONF = ROOT / "scripts" / "nginx.conf"
NAME = "xinxin.example.cn"


@dataclass(frozen=True)
class Nginx:
    port: int
    authority: Path
    folder: Path

    @cached_property
    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.authority)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.folder / "xinxin-access.log").read_text()


def program() -> str:
    """Its path; installs it when it is missing and may be installed. A check that cannot have it did not run."""
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if found is None:
        subprocess.run(["apt-get", "install", "-y", "nginx-light"], capture_output=True, timeout=300, check=False)
        found = shutil.which("nginx", path="/usr/sbin")
    if found is None:
        pytest.skip("nginx is not installed and could not be")
    return found


@contextmanager
def before(upstreams: Sequence[int]) -> Iterator[Nginx]:
    """Tested by `nginx -t`, then run; its workers serve until the block ends."""
    nginx, folder = program(), Path(tempfile.mkdtemp(prefix="xinxin-nginx-"))
    folder.chmod(0o711)
    port, plain_port = free_port(), free_port()
    certificate = _certificate(folder)
    conf = folder / "nginx.conf"
    conf.write_text(_adapted(CONF.read_text(), folder, port, plain_port, upstreams))
    try:
        checked = subprocess.run([nginx, "-t", "-c", str(conf)], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr
        running = subprocess.Popen([nginx, "-c", str(conf), "-g", "daemon off;"], stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            until(lambda: _listens(port), 20, "nginx listens")
            yield Nginx(port, certificate, folder)
        finally:
            running.terminate()
            running.wait(20)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _adapted(text: str, folder: Path, port: int, plain_port: int, upstreams: Sequence[int]) -> str:
    """Places and ports of this machine; everything else as it stands."""
    servers = [line for line in text.splitlines() if line.strip().startswith("server 127.0.0.1:")]
    ours = [servers[0].replace(":8000", f":{upstream}") for upstream in upstreams]
    text = text.replace("\n".join(servers), "\n".join(ours))
    for listen in ("listen [::]:80;", "listen [::]:443 ssl http2;"):
        text = text.replace(f"        {listen}\n", "")
    changes = {
        "listen 80;": f"listen 127.0.0.1:{plain_port};", "listen 443 ssl http2;": f"listen 127.0.0.1:{port} ssl http2;",
        "/run/nginx.pid": f"{folder}/nginx.pid", "/var/log/nginx/": f"{folder}/", "/var/lib/nginx/": f"{folder}/",
        "/etc/xinxin/tls/": f"{folder}/",
    }
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _certificate(folder: Path) -> Path:
    """Of an authority that nobody else trusts, which is the certificate itself."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME), x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "privkey.pem").write_bytes(private)
    path = folder / "fullchain.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return path
