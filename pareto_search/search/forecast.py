"""Forecasting how accurate a network will be at its end, from others that were trained further.

Early validation errors order networks badly: the learning rate is still high, and large networks learn late. What the
space says of a network (more features, a shorter cutoff) often tells more, so both go into one regression.
"""

import numpy as np
from numpy.typing import NDArray

#: With fewer examples a network is said to gain what the others gained.
_N_FOR_REGRESSION = 4
#: Strength of the ridge, in examples: the slope along each standardised feature is drawn to 0 as by one example.
_RIDGE = 1.0


def forecast(
    features: NDArray[np.float64],
    early: NDArray[np.float64],
    late: NDArray[np.float64],
    new_features: NDArray[np.float64],
    new_early: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Late values of new networks by ridge regression on their features and early values.

    Args:
        features: Of the examples, shape (n, n_features).
        early: Of the examples, shape (n,), n > 0; in decades, as are all values.
        late: Of the examples, shape (n,).
        new_features: Shape (m, n_features).
        new_early: Shape (m,).

    Returns:
        Shape (m,).
    """
    if len(late) < _N_FOR_REGRESSION:
        return np.asarray(new_early + np.median(late - early))
    inputs, new_inputs = np.column_stack([features, early]), np.column_stack([new_features, new_early])
    centre, spread = inputs.mean(axis=0), inputs.std(axis=0)
    spread[spread == 0] = 1.0
    inputs, new_inputs = (inputs - centre) / spread, (new_inputs - centre) / spread
    ridge = _RIDGE * np.eye(inputs.shape[1])
    slopes = np.linalg.solve(inputs.T @ inputs + ridge, inputs.T @ (late - late.mean()))
    return np.asarray(late.mean() + new_inputs @ slopes)
