"""The programs of the mistakes: each function is shown as it stands here. Importing a file of these imports jax."""
