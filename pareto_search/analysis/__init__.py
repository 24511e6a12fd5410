"""Fronts, hypervolume and statistics: arrays and frames in, numbers out."""
