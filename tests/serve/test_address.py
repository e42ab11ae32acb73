"""Other machines get in by name, with TLS and a password, or not at all."""

import ssl
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from litho.core.errors import LithoError
from litho.serve.address import Address, address_of, is_loopback
from litho.serve.app import make_app
from litho.serve.guard import Keys
from litho.serve.pages import opening
from tests.serve.bench import DeskHere, served


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate and its key."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "cert.pem", folder / "key.pem"
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=bench.test"],
        capture_output=True, check=False,
    )  # fmt: skip
    if made.returncode:
        pytest.skip("needs openssl")
    return certificate, key


@pytest.fixture
def password(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text("correct horse battery\n")
    path.chmod(0o600)
    return path


def test_another_address_needs_a_password_and_tls(
    pair: tuple[Path, Path], password: Path, tmp_path: Path
) -> None:
    for host in ("192.168.1.5", "0.0.0.0", "::", "bench.test"):
        with pytest.raises(LithoError, match="--password-file, --tls-cert, --tls-key as well"):
            address_of(host, None, None, None)
        with pytest.raises(LithoError, match="give --tls-key as well"):
            address_of(host, password, pair[0], None)
    for host in ("0.0.0.0", "::", ""):
        with pytest.raises(LithoError, match="every address"):
            address_of(host, password, *pair)
    address = address_of("Bench.Test", password, *pair)
    assert address == Address("Bench.Test", "correct horse battery", *pair)
    assert address.named == "bench.test" and address.secure
    assert address_of("::1", None, None, None).named == "[::1]"
    assert address_of("localhost", None, None, None) == Address()
    with pytest.raises(LithoError, match="belong together"):
        address_of("127.0.0.1", password, None, None)
    assert [is_loopback(host) for host in ("127.0.0.2", "::1", "10.0.0.1", "x")] == [
        True, True, False, False,
    ]  # fmt: skip


def test_files_that_are_no_use_are_told(
    pair: tuple[Path, Path], password: Path, tmp_path: Path
) -> None:
    certificate, key = pair
    other = tmp_path / "other.pem"
    other.write_text("nothing")
    for cert, its in ((other, key), (certificate, other), (tmp_path / "none", key)):
        with pytest.raises(LithoError, match="cannot be used for TLS"):
            address_of("bench.test", password, cert, its)
    password.chmod(0o644)
    with pytest.raises(LithoError, match="chmod 600"):
        address_of("bench.test", password, certificate, key)
    password.write_text("short")
    password.chmod(0o600)
    with pytest.raises(LithoError, match="too short"):
        address_of("bench.test", password, certificate, key)


def test_the_password_opens_and_nothing_else_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("litho.serve.app.Desk", DeskHere)
    monkeypatch.setattr("litho.serve.pages.opening.GUESS_S", 0.0)
    keys = Keys(8470, "bench.test", True, "correct horse battery")
    here = "https://bench.test:8470"
    with TestClient(
        make_app(tmp_path, keys, keep=False), base_url=here, follow_redirects=False
    ) as client:
        asked = client.get("/open")
        assert asked.status_code == 401 and 'type="password"' in asked.text
        assert keys.token not in asked.text and keys.csrf not in asked.text
        for wrong in ("", "x", "correct horse", keys.token):
            answer = client.post("/open", data={"password": wrong}, headers={"Origin": here})
            assert answer.status_code == 401 and not client.cookies
        for origin in ("http://bench.test:8470", "https://evil.example", "https://bench.test"):
            answer = client.post(
                "/open", data={"password": keys.password}, headers={"Origin": origin}
            )
            assert answer.status_code == 403
        for host in ("127.0.0.1:8470", "localhost:8470", "evil.example:8470"):
            assert client.get("/open", headers={"Host": host}).status_code == 421
        answer = client.post("/open", data={"password": keys.password}, headers={"Origin": here})
        assert answer.status_code == 303 and "Secure" in answer.headers["set-cookie"]
        assert client.get("/").status_code == 200


def test_guesses_keep_nothing_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("litho.serve.app.Desk", DeskHere)
    keys = Keys(8470, password="correct horse battery")
    here = {"Origin": "http://127.0.0.1:8470"}
    with TestClient(make_app(tmp_path, keys, keep=False), base_url=here["Origin"]) as client:
        with opening._guessing:  # as while another one guesses
            answer = client.post("/open", data={"password": "x"}, headers=here)
        assert answer.status_code == 429 and "Somebody else" in answer.text
        monkeypatch.setattr(opening, "GUESS_S", 0.0)
        assert client.post("/open", data={"password": "x"}, headers=here).status_code == 401


def test_without_a_password_none_opens(stranger: TestClient) -> None:
    answer = stranger.post(
        "/open", data={"password": ""}, headers={"Origin": str(stranger.base_url).rstrip("/")}
    )
    assert answer.status_code == 401 and not stranger.cookies
    assert not Keys(1).knows("")


@pytest.mark.processes
@pytest.mark.enable_socket
def test_a_server_with_tls_is_reached_by_its_name_alone(
    pair: tuple[Path, Path], password: Path, tmp_path: Path
) -> None:
    certificate, key = pair
    given = ["--host", "127.0.0.2", "--password-file", password, "--tls-cert", certificate]
    with served(tmp_path, *map(str, given), "--tls-key", str(key)) as (_, link):
        assert link.startswith("https://127.0.0.2:")
        base, _, token = link.partition("/open?token=")
        context = ssl.create_default_context(cafile=certificate)
        context.check_hostname = False

        def asked(headers: dict[str, str]) -> int:
            request = urllib.request.Request(f"{base}/v1/models", headers=headers)
            try:
                with urllib.request.urlopen(request, context=context) as answer:
                    return int(answer.status)
            except urllib.error.HTTPError as error:
                return error.code

        bearer = {"Authorization": f"Bearer {token}"}
        assert asked(bearer) == 200
        assert asked({}) == 401
        assert asked({**bearer, "Host": "127.0.0.1"}) == 421
