"""Acceptance: real applications, whole (ACCEPTANCE.md). Long: ``pytest -m sweep tests/acceptance``."""
