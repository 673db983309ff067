"""Names of the policies that are no peers."""

MODEL, STACK, HEADS = "model", "stack", "heads"
LEARNED = (MODEL, STACK, HEADS)  # with a network in them
