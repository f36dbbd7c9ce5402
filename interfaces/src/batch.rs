//! [`FrameBatch`]: many frames in one allocation, the unit in which drivers and node exchange traffic.
//!
//! A frame costs the channel nothing of its own: one message, one wake-up and one system call carry as many frames as
//! there are. Whoever gets a batch may clear and reuse it.

use reticulum::node::Signal;

/// A batch takes no further frame once it holds this many bytes: large enough that the price of a channel operation
/// and of a system call vanishes in it, small enough for a hundred connections on a small machine.
pub const FRAME_BATCH_BYTES: usize = 64 * 1024;

/// Frames in their order, back to back in one buffer, without framing or escapes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FrameBatch {
    bytes: Vec<u8>,
    ends: Vec<u32>,
    violations: u32,
    /// How well frames were received by radio, with their numbers, in order.
    signals: Vec<(usize, Signal)>,
}

impl FrameBatch {
    /// An empty batch that has not allocated yet.
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), ends: Vec::new(), violations: 0, signals: Vec::new() }
    }

    /// Appends one frame.
    pub fn push(&mut self, frame: &[u8]) {
        self.bytes.extend_from_slice(frame);
        self.finish_frame();
    }

    /// Appends one frame that a radio received this well.
    pub fn push_heard(&mut self, frame: &[u8], signal: Signal) {
        self.signals.push((self.len(), signal));
        self.push(frame);
    }

    /// Lets `write` append one frame straight to the buffer. If it returns `false` whatever it wrote is taken back,
    /// and so is the answer, which makes `while !batch.is_full() && batch.push_with(..) {}` a complete pull loop.
    pub fn push_with(&mut self, write: impl FnOnce(&mut Vec<u8>) -> bool) -> bool {
        let start = self.end();
        let written = write(&mut self.bytes);
        if written {
            self.finish_frame();
        } else {
            self.bytes.truncate(start);
        }
        written
    }

    /// Makes room for `bytes` more bytes of frames.
    pub fn reserve(&mut self, bytes: usize) {
        self.bytes.reserve(bytes);
    }

    /// Counts a frame that the decoder refused while this batch was being filled.
    pub fn add_violation(&mut self) {
        self.violations = self.violations.saturating_add(1);
    }

    /// Forgets all frames and violations, keeps the allocation.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.signals.clear();
        self.violations = 0;
    }

    /// The frames, oldest first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let frame = &self.bytes[start..end as usize];
            start = end as usize;
            frame
        })
    }

    /// How well the frames of [`iter`](Self::iter) were received, in the same order; none for those that no radio received.
    pub fn signals(&self) -> impl Iterator<Item = Option<Signal>> {
        let mut signals = self.signals.iter().peekable();
        (0..self.len())
            .map(move |number| signals.next_if(|(heard, _)| *heard == number).map(|(_, signal)| *signal))
    }

    /// Number of frames.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no frame in it (there may be [`violations`](Self::violations)).
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Sum of the lengths of all frames, in bytes.
    pub fn byte_len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether it holds [`FRAME_BATCH_BYTES`] or more. Adding to a full batch works, but costs its readers time.
    pub fn is_full(&self) -> bool {
        self.bytes.len() >= FRAME_BATCH_BYTES
    }

    /// Frames that broke the framing (too short, too long, wrongly escaped) and were dropped by the decoder.
    pub fn violations(&self) -> u32 {
        self.violations
    }

    fn end(&self) -> usize {
        self.ends.last().map_or(0, |&end| end as usize)
    }

    fn finish_frame(&mut self) {
        let end = u32::try_from(self.bytes.len()).expect("a batch is bounded far below 4 GiB");
        self.ends.push(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back_in_order_and_clear_keeps_the_allocation() {
        let mut batch = FrameBatch::new();
        batch.push(b"one");
        batch.push(b"");
        batch.push(b"three");
        assert_eq!(batch.iter().collect::<Vec<_>>(), [&b"one"[..], b"", b"three"]);
        assert_eq!((batch.len(), batch.byte_len()), (3, 8));
        let capacity = batch.bytes.capacity();
        batch.clear();
        assert!(batch.is_empty());
        assert_eq!(batch.bytes.capacity(), capacity);
    }

    #[test]
    fn a_writer_that_declines_leaves_nothing_behind() {
        let mut batch = FrameBatch::new();
        batch.push(b"kept");
        assert!(!batch.push_with(|out| {
            out.extend_from_slice(b"half");
            false
        }));
        assert!(batch.push_with(|out| {
            out.extend_from_slice(b"whole");
            true
        }));
        assert_eq!(batch.iter().collect::<Vec<_>>(), [&b"kept"[..], b"whole"]);
    }

    #[test]
    fn what_a_radio_heard_is_told_with_its_frame() {
        let signal = |dbm| Signal { rssi_dbm: Some(dbm), ..Signal::default() };
        let mut batch = FrameBatch::new();
        batch.push(b"wire");
        batch.push_heard(b"near", signal(-40));
        batch.push_heard(b"far", signal(-120));
        batch.push(b"wire");
        let told: Vec<_> = batch.signals().collect();
        assert_eq!(told, [None, Some(signal(-40)), Some(signal(-120)), None]);
        batch.clear();
        assert_eq!(batch.signals().count(), 0);
    }

    #[test]
    fn a_pull_loop_ends_when_the_batch_is_full() {
        let mut batch = FrameBatch::new();
        while !batch.is_full()
            && batch.push_with(|out| {
                out.resize(out.len() + 500, 0);
                true
            })
        {}
        assert!(batch.byte_len() < FRAME_BATCH_BYTES + 500);
    }
}
