"""What users ask for as a whole: install, uninstall, update, display, run, publish, why.

Each operation is one function that joins binding, plan, pipeline and cache; the command line, the service and the build
plug-ins call the same ones. Nothing here prints: operations return what happened and report progress to callbacks.
"""
