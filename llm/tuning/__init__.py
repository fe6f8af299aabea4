"""LoRA tuning: data, recipes, the loop, adapters and their cards."""
