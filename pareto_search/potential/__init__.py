"""The potential: hippynn's model, the explicit-gradient engine, the ASE calculator and model files."""
