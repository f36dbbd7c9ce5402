//! Golden values of spec 14.1, rows 7 to 10 of 14.2, and properties that hold for all bytes.

mod announce;
mod handshake;
mod packet;
mod properties;
mod resource;
