//! What could grow for as long as somebody goes on.
