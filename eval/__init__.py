"""Measures. Never sees data_gen. Import from it (`from eval.x import y`): `import eval` would hide the builtin."""
