"""Pages of the custodians, served by the vault itself: no other process ever has an identity in the clear."""
