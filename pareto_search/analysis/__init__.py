"""Fronts, hypervolume and statistics: arrays in, numbers out."""
