"""Model files are read and run in processes of their own, which may use and reach only so much."""
