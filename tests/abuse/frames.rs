//! Truncated, oversize, replayed and bit-flipped frames of every packet type.
