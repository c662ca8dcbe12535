"""Seeded compiler bugs: what proves that the generator of random programs finds bugs."""
