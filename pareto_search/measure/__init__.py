"""Accuracy, MD step time, capacity and device facts."""
