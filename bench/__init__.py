"""Measurements, printed as ratios taken in one run: ``python -m bench [name ...]``.

Nothing here asserts a time; machines differ and are noisy. Each module has one public function ``measure(work) ->
Iterator[Row]``.
"""
