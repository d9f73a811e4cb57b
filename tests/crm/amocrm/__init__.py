"""Tests of the amoCRM adapter."""
