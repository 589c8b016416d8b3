"""What developers and CI run: set up, build, generate, check. No package imports it."""
