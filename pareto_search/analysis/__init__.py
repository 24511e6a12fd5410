"""Fronts, hypervolume and statistics: arrays and frames in, numbers out.

Throughout the room `models` are rows of `models.csv` as `clean_models` returns them, `networks` their means over seeds
by `average_networks`, `pairs` students beside controls by `match_controls`, `basis` the stage and split that carry
claims, and `objectives` what the study optimises.
"""
