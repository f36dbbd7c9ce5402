//! A sender and a receiver back to back, on virtual time, over a medium that loses, reorders and repeats.
