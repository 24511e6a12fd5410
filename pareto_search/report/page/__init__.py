"""The report as one HTML page, and the pages beside it."""
