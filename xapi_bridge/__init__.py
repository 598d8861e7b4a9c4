"""The LRS neighbour: statements -> evidence, path events -> statements."""
