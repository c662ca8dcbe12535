"""The rows of the numbered list of ngen's behaviour, against the real command line, cache and runtimes."""
