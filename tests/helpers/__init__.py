"""What tests of several files need, and no fixture can be."""
