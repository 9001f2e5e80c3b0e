"""The shipped scenarios, one YAML file each; installed as ``neuroparallel.scenarios``."""
