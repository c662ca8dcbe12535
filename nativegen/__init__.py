"""nativegen: ngen for today's .NET."""

__version__ = "0.1.0"
