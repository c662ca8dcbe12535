"""LLVM text to method units: compile in workers, cut the object apart, check everything that the runtime relies on.

``module_text`` (what surrounds definitions), ``llvm`` (text to object), ``coff``, ``stackmaps``, ``unwind`` (readers
with checks), ``extract`` (object to units), ``batch`` (many methods at once), ``workers`` (crash isolation).
"""
