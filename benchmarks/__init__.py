"""Quality and speed against peers, one command a benchmark."""
