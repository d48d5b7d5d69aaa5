"""States of runs, and the rules by which one follows another."""
