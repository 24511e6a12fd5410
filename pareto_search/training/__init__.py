"""Loss, schedule, fitting loop, teacher and label cache."""
