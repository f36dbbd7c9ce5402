//! Two links back to back on virtual time.
