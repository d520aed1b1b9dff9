"""Shapes, layouts, copies and dtypes: operators that move elements without computing with them."""
