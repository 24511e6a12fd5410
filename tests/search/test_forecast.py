import numpy as np
import pytest

from pareto_search.search.rungs import forecast

rng = np.random.default_rng(0)
FEATURES = rng.normal(size=(60, 3))
EARLY = rng.normal(size=60)


def test_a_linear_law_is_found():
    late = 0.3 * FEATURES[:, 0] - 0.2 * FEATURES[:, 2] + 0.5 * EARLY - 1.0
    found = forecast(FEATURES[:40], EARLY[:40], late[:40], FEATURES[40:], EARLY[40:])
    np.testing.assert_allclose(found, late[40:], atol=0.06)


def test_few_examples_hand_on_their_median_gain():
    late = EARLY[:3] - [0.1, 0.2, 0.9]
    found = forecast(FEATURES[:3], EARLY[:3], late, FEATURES[3:], EARLY[3:])
    assert found == pytest.approx(EARLY[3:] - 0.2)


def test_what_does_not_vary_among_the_examples_does_not_count():
    features = np.ones((5, 1))
    late = 2.0 * EARLY[:5]
    found = forecast(features, EARLY[:5], late, np.array([[1.0], [9.0]]), np.array([0.5, 0.5]))
    assert found[0] == found[1]


def test_scales_of_features_do_not_matter():
    late = 0.3 * FEATURES[:, 0] + 0.5 * EARLY
    one = forecast(FEATURES[:9], EARLY[:9], late[:9], FEATURES[9:], EARLY[9:])
    other = forecast(1e6 * FEATURES[:9] + 3, EARLY[:9], late[:9], 1e6 * FEATURES[9:] + 3, EARLY[9:])
    np.testing.assert_allclose(one, other, rtol=1e-6)
