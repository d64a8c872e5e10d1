"""The exceptions people meet; pages and the command line catch `DcganError` and show its sentence.

DcganError
├── UserError (also a ValueError)   the request is wrong: a field, a name, a file; exit status 2
└── RunFailed                       the request was fine, the run could not go on; exit status 1
    └── TrainingDiverged            a loss stopped being a finite number
"""


class DcganError(Exception):
    """Base of all errors whose message is one sentence meant for the user."""


class UserError(DcganError, ValueError):
    """Something the user gave is wrong; the message says what and what would be right."""


class RunFailed(DcganError):
    """A run had to end; what it had saved stays readable."""


class TrainingDiverged(RunFailed):
    """A loss became infinite or not a number at `step`; the last snapshot is from before that."""

    def __init__(self, step: int) -> None:
        super().__init__(
            f"The losses stopped being finite numbers at step {step:,}; the snapshots from before are kept. "
            "Lower the learning rates and start again."
        )
        self.step = step
