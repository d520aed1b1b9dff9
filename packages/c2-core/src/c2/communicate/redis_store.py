"""A store in a Redis server, by the package `redis`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from c2.communicate.store import TIMEOUT, Store
from c2.errors import StoreError


class RedisStore(Store):
    """The server at an address such as redis://host:6379/0; each answer must come within `timeout` seconds."""

    def __init__(self, address: str, timeout: float = TIMEOUT) -> None:
        try:
            import redis  # type: ignore[import-not-found, unused-ignore]
        except ImportError:
            raise StoreError(
                f"{address}: the package redis is not installed. Run: pip install c2-core[redis]"
            ) from None
        self.address, self._error = address, redis.RedisError
        with self._faults("PING"):
            self._client = redis.Redis.from_url(
                address, socket_timeout=timeout, socket_connect_timeout=timeout, retry=None
            )
            self._client.ping()

    def __str__(self) -> str:
        return f"Redis store {self.address}"

    def set(self, key: str, value: bytes) -> None:
        with self._faults(key):
            self._client.set(key, value)

    def find(self, key: str) -> bytes | None:
        with self._faults(key):
            found: Any = self._client.get(key)  # its type depends on options of the client
            return None if found is None else bytes(found)

    def add(self, key: str, amount: int) -> int:
        with self._faults(key):
            return int(self._client.incrby(key, amount))

    @property
    def host(self) -> str | None:
        host: str | None = self._client.connection_pool.connection_kwargs.get("host")
        return host

    def close(self) -> None:
        self._client.close()

    @contextlib.contextmanager
    def _faults(self, key: str) -> Iterator[None]:
        try:
            yield
        except self._error as error:
            raise StoreError(f"{self}: '{key}': {error}") from error
