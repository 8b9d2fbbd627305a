"""The cloud's hand in the box. Delete this folder and the box still plays."""
