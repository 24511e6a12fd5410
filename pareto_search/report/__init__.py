"""Tables, figures and the one HTML page of a study."""
