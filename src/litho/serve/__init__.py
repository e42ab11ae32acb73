"""The workbench: texts, jobs and runs of a folder in the browser, on this machine alone."""
