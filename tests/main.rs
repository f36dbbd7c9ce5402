//! The one integration-test binary: a file or folder beside this one for each subject.

mod edges;
