"""A real OpenID Connect provider, as a process."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

PEOPLE: dict[str, dict[str, Any]] = {
    "s-ada": {"email": "ada@example.edu", "email_verified": True},
    "s-mallory": {"email": "ada@example.edu", "email_verified": False},
    "s-said": {"email": "ada@example.edu", "email_verified": "yes"},
    "s-root": {"email": "root@example.edu", "email_verified": True},
    "s-two": {"email": "two@example.edu", "email_verified": True},
    "s-nobody": {"email": "nobody@example.edu", "email_verified": True},
}


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    people = [json.dumps({"sub": sub, **claims}) for sub, claims in PEOPLE.items()]
    words = [word for one in people for word in ("--user-claims", one)]
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--require-nonce", "true", *words]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                requests.get(f"{address}/.well-known/openid-configuration", timeout=5).raise_for_status()
                break
            except requests.ConnectionError:
                assert process.poll() is None, "the provider ended"
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(10)
