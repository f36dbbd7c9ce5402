//! Public-key and other heavy work, as values that run elsewhere and come back.

use super::ids::WorkId;

/// How long a piece of work takes, which decides who runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkClass {
    /// Tens of microseconds. The driver hands results of this class back in the order of submission.
    Packet,
    /// Milliseconds and more, in any order.
    Heavy,
}

/// Work to run. Each one must come back, or what depends on it never happens.
#[derive(Debug)]
pub struct Work {
    id: WorkId,
}

/// The result of a [`Work`].
#[derive(Debug)]
pub struct WorkDone {
    id: WorkId,
}

impl Work {
    /// Names it.
    pub fn id(&self) -> WorkId {
        self.id
    }

    /// Who should run it.
    pub fn class(&self) -> WorkClass {
        WorkClass::Packet
    }

    /// Runs it, on any thread.
    pub fn run(self) -> WorkDone {
        WorkDone { id: self.id }
    }
}

impl WorkDone {
    /// Names the work that it results from.
    pub fn id(&self) -> WorkId {
        self.id
    }
}
