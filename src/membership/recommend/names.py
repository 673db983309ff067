"""Names of the policies that are no peers."""

MODEL, STACK = "model", "stack"
LEARNED = (MODEL, STACK)  # with a network in them
