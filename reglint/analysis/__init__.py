"""What a piece of code means: read from its text, never run.

From the ground up:

- `syntax`, `scopes`, `walk`: the nodes, the names, and the one walk that finds both
- `names`, `canonical`, `imports`, `guards`, `file_version`: what a name means, and in which Keras
- `calls`, `operations`, `packages`: what a call calls, and with what
- `classes`, `constructors`, `configs`, `registration`: classes, across the files of a project
- `terms`, `expressions`, `flow`: what a value is made from
- `penalties`, `l1_l2`, `penalized`, `losses`, `gradients`, `built`: penalties, and where they go
"""
