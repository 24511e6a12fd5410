"""The page that follows a run."""
