//! What a spanproof run found.
