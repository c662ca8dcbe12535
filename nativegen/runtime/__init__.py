"""Unmodified .NET runtimes: find them, run applications on them, and read what they say of native images."""
