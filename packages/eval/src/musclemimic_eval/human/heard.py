"""What readers and retargeting warn of, for the report as well as for the terminal."""

import logging
from collections.abc import Generator
from contextlib import contextmanager

_LOGGERS = ("musclemimic_retarget", "musclemimic_eval")


class _Listener(logging.Handler):
    def __init__(self, heard: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        self._heard.append(record.getMessage())


@contextmanager
def warnings_heard() -> Generator[list[str]]:
    """A list that fills with the warnings logged meanwhile: converted units, dropped frames."""
    heard: list[str] = []
    listener = _Listener(heard)
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    for logger in loggers:
        logger.addHandler(listener)
    try:
        yield heard
    finally:
        for logger in loggers:
            logger.removeHandler(listener)
