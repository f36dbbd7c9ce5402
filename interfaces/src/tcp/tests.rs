//! Over real loopback sockets.
