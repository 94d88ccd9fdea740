"""What maintainers run: locks and generated documents."""
