"""How far data-parallel training scales: what a step and a link take, measured, and a model of many ranks."""
