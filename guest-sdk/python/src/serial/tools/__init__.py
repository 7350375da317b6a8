"""Tools for serial ports."""
