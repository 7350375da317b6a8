"""pyserial's place for its constants and exceptions."""

from . import *  # noqa: F403
from ._serial import Serial as SerialBase  # noqa: F401
