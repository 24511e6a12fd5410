"""Figures of a report as image files and CSV."""
