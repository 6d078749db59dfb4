"""Runs named checks in order and prints one line each; the exit code says whether all passed.
It knows no client: each client's script registers what it checks."""

import asyncio
import os
import sys
import time
import traceback

BOOTSTRAP = os.environ.get("BOOTSTRAP", "127.0.0.1:9092")
# Distinguishes the topics and groups of this run from those of earlier ones.
RUN = os.environ.get("RUN", str(int(time.time())))
WAIT_SECONDS = 30

_checks = []


def check(function):
    """Registers a check under its name, in words; two underscores are a comma."""
    _checks.append((function.__name__.replace("__", ", ").replace("_", " "), function))
    return function


def name(kind):
    """A topic or group of this run."""
    script = os.path.splitext(os.path.basename(sys.argv[0]))[0]
    return f"{script}-{kind}-{RUN}"


def until(condition, what):
    """Waits for a condition; its value, or a failure that says what was awaited."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"not within {WAIT_SECONDS} s: {what}")


def equal(seen, expected):
    assert seen == expected, f"expected {expected!r}, saw {seen!r}"


def same(seen, expected):
    """Fails with the first difference of long lists."""
    at = next((i for i, pair in enumerate(zip(seen, expected)) if pair[0] != pair[1]), min(len(seen), len(expected)))
    assert seen == expected, (
        f"expected {len(expected)} values, saw {len(seen)}; from {at} on expected {expected[at : at + 5]}, saw {seen[at : at + 5]}"
    )


def raises(error, function):
    try:
        seen = function()
    except error:
        return
    raise AssertionError(f"expected {error.__name__}, saw {seen!r}")


def main():
    failed = 0
    only = sys.argv[1:]
    for title, function in _checks:
        if only and not any(word in title for word in only):
            continue
        started = time.monotonic()
        try:
            result = function()
            if asyncio.iscoroutine(result):
                asyncio.run(asyncio.wait_for(result, 120))
            print(f"ok {title} ({time.monotonic() - started:.1f} s)", flush=True)
        except Exception as error:  # pylint: disable=broad-except
            failed += 1
            print(f"FAIL {title}: {type(error).__name__}: {error}", flush=True)
            traceback.print_exc(limit=-4)
    sys.exit(1 if failed else 0)
