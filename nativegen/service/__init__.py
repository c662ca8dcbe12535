"""Deferred work: the queue in the cache's index, and the background worker that empties it.

The command line is the only way to talk to the service (research V5). Knows nothing of images: a queued item is an
``install`` or ``update`` of :mod:`nativegen.operations`.
"""
