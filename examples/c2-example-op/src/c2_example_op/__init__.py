"""One operator, Snake, as a plugin for c2."""
