"""Runs inside the registry's image: its program is there, by distribution's own name."""

import subprocess
import sys

done = subprocess.run(["registry", "--version"], capture_output=True, check=True, text=True)
assert "2.8" in done.stdout, done.stdout
sys.stdout.write(f"registry: {done.stdout.strip()}\n")
