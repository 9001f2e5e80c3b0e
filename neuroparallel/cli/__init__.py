"""The command ``neuroparallel``: each verb is a few lines over a public function, in a file of its own."""

from neuroparallel.cli.main import main

__all__ = ["main"]
