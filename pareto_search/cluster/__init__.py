"""The wiring to Ray and Ray Tune: sessions, workers, limits, metrics."""
