"""Common set-up: the real inputs must be there, or the run fails (ACCEPTANCE.md "No silent skips").

``--allow-missing-runtime`` runs what can be run without them; the closing lines say so.
"""

from __future__ import annotations

import signal

import pytest

from tests.support.paths import TestInputs, find_inputs
from tests.support.provision import APT_LINE


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--allow-missing-runtime",
        action="store_true",
        help="skip tests whose runtimes, applications or compilers are missing instead of failing the whole run",
    )


def pytest_sessionstart(session: pytest.Session) -> None:
    # A shell starts what runs in its background with interrupts ignored, and programs inherit that: those that tests
    # interrupt would not notice.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    missing = find_inputs().missing()
    if missing and not session.config.getoption("--allow-missing-runtime"):
        compilers = {"mcs", "ilasm"}.intersection(missing)
        fetch = "python -m tests.support.provision" if set(missing) - compilers else ""
        install = f"sudo {APT_LINE}" if compilers else ""
        remedy = " && ".join(filter(None, (install, fetch)))
        pytest.exit(f"test inputs missing: {', '.join(missing)}; run: {remedy}", returncode=2)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    missing = find_inputs().missing()
    if missing:
        terminalreporter.write_line(
            f"INCOMPLETE RUN (--allow-missing-runtime): no {', '.join(missing)}; tests of real programs were skipped",
            yellow=True,
        )


@pytest.fixture(scope="session")
def inputs() -> TestInputs:
    """The real inputs; a test that asks for them is skipped when ``--allow-missing-runtime`` let some be absent."""
    found = find_inputs()
    if found.missing():
        pytest.skip(f"missing inputs: {', '.join(found.missing())}")
    return found
