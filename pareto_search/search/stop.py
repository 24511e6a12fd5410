"""Why a whole search must end now."""

from collections.abc import Iterator
from contextlib import contextmanager

import optuna
from sqlalchemy.exc import DatabaseError

from pareto_search.errors import WriteError


class Stop:
    """Why the whole search must end now; trials that run then stay running in the study, for the next run."""

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def because(self, error: BaseException) -> None:
        """End the search; the first reason counts."""
        self.error = self.error or error

    @contextmanager
    def on_error(self) -> Iterator[None]:
        """Turn an error of the body into the end of the search; Tune would go on or lose its message."""
        try:
            yield
        except (DatabaseError, optuna.exceptions.StorageInternalError) as error:
            self.because(
                WriteError(
                    f"study.db could not be written ({_root(error)}); free space or make its folder writable, then run "
                    "the same command again"
                )
            )
        except Exception as error:
            self.because(error)


def _root(error: BaseException) -> BaseException:
    """SQLite's message, which Optuna and SQLAlchemy wrap in guesses."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error
