"""Options and fixtures of all tests: `--require-backend`, `backend`, `redis_server`."""

pytest_plugins = ["c2.testing.pytest_plugin", "pytester", "redis_server"]
