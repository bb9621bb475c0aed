"""Farmhand lends an idle workstation to a distcc compile farm and gives it back the moment its owner returns."""

__version__ = "0.1.0"
