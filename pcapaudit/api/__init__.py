"""The library: what ``import pcapaudit`` offers, and what the commands share: from options to a run and its results."""
