"""The ReadyToRun image format: writer, reader, description, and the runtimes it is for. Knows nothing of compiling."""
