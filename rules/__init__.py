"""The part of Kasanie that thinks: values in, values out; no network, disk, clock or web framework."""
