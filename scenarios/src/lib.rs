//! What a spanproof run is to do.
