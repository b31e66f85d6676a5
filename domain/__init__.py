"""Types, ports and rules in the words of the field; standard library only."""
