"""Space, trials, controls, cost table and the Ray/Optuna wiring."""
