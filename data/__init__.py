"""Data sets: layouts, reading, splits, near-duplicates. Shared by trainer, export and benchmarks."""
