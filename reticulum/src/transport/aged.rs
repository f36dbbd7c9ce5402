//! Values by destination, each in one of a few lines in the order of their last touch: what a large table needs to find an
//! entry, to tell which one is too old, and to make room.
//!
//! All operations are of constant time, and an entry costs some 65 bytes beside its value: slots in one vector, linked by
//! their numbers, and an index of them.

use std::collections::HashMap;

use crate::hash::DestinationHash;

const NONE: u32 = u32::MAX;

#[derive(Debug)]
struct Slot<V> {
    key: DestinationHash,
    line: u8,
    older: u32,
    /// Of a free slot, the next free one.
    newer: u32,
    value: Option<V>,
}

#[derive(Clone, Copy, Debug)]
struct Line {
    oldest: u32,
    newest: u32,
    len: u32,
}

/// The table.
#[derive(Debug)]
pub(crate) struct Aged<V> {
    index: HashMap<DestinationHash, u32>,
    slots: Vec<Slot<V>>,
    free: u32,
    lines: Vec<Line>,
}

impl<V> Default for Aged<V> {
    fn default() -> Self {
        Self { index: HashMap::new(), slots: Vec::new(), free: NONE, lines: Vec::new() }
    }
}

impl<V> Aged<V> {
    /// The value of `key`.
    pub(crate) fn get(&self, key: &DestinationHash) -> Option<&V> {
        self.slots[*self.index.get(key)? as usize].value.as_ref()
    }

    /// The value of `key`, to be changed.
    pub(crate) fn get_mut(&mut self, key: &DestinationHash) -> Option<&mut V> {
        self.slots[*self.index.get(key)? as usize].value.as_mut()
    }

    /// Sets the value of `key`, as the newest of `line`.
    pub(crate) fn insert(&mut self, key: DestinationHash, line: u8, value: V) {
        if let Some(&at) = self.index.get(&key) {
            self.unlink(at);
            self.slots[at as usize].value = Some(value);
            return self.link(at, line);
        }
        let slot = Slot { key, line, older: NONE, newer: NONE, value: Some(value) };
        let at = match self.free {
            NONE => {
                // Vectors double by themselves; this wastes an eighth at most.
                if self.slots.len() == self.slots.capacity() {
                    self.slots.reserve_exact(self.slots.len() / 8 + 8);
                }
                self.slots.push(slot);
                self.slots.len() as u32 - 1
            }
            free => {
                self.free = self.slots[free as usize].newer;
                self.slots[free as usize] = slot;
                free
            }
        };
        self.index.insert(key, at);
        self.link(at, line);
    }

    /// Makes `key` the newest of its line.
    pub(crate) fn touch(&mut self, key: &DestinationHash) {
        if let Some(&at) = self.index.get(key) {
            self.move_to(at, self.slots[at as usize].line);
        }
    }

    /// Makes `key` the newest of `line`.
    pub(crate) fn set_line(&mut self, key: &DestinationHash, line: u8) {
        if let Some(&at) = self.index.get(key) {
            self.move_to(at, line);
        }
    }

    /// The line of `key`.
    pub(crate) fn line(&self, key: &DestinationHash) -> Option<u8> {
        self.index.get(key).map(|at| self.slots[*at as usize].line)
    }

    /// Removes `key`.
    pub(crate) fn remove(&mut self, key: &DestinationHash) -> Option<V> {
        let at = self.index.remove(key)?;
        self.unlink(at);
        let slot = &mut self.slots[at as usize];
        slot.newer = self.free;
        self.free = at;
        slot.value.take()
    }

    /// The oldest of `line`.
    pub(crate) fn oldest(&self, line: u8) -> Option<(DestinationHash, &V)> {
        let line = self.lines.get(usize::from(line))?;
        let slot = self.slots.get(line.oldest as usize)?;
        Some((slot.key, slot.value.as_ref()?))
    }

    /// Number of values.
    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    /// Number of values in `line`.
    pub(crate) fn line_len(&self, line: u8) -> usize {
        self.lines.get(usize::from(line)).map_or(0, |line| line.len as usize)
    }

    /// All values, in no order that means anything, but the same one for the same history.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (DestinationHash, &V)> {
        self.slots.iter().filter_map(|slot| Some((slot.key, slot.value.as_ref()?)))
    }

    fn move_to(&mut self, at: u32, line: u8) {
        self.unlink(at);
        self.link(at, line);
    }

    fn link(&mut self, at: u32, number: u8) {
        while self.lines.len() <= usize::from(number) {
            self.lines.push(Line { oldest: NONE, newest: NONE, len: 0 });
        }
        let line = &mut self.lines[usize::from(number)];
        let before = std::mem::replace(&mut line.newest, at);
        line.len += 1;
        match before {
            NONE => line.oldest = at,
            before => self.slots[before as usize].newer = at,
        }
        let slot = &mut self.slots[at as usize];
        (slot.line, slot.older, slot.newer) = (number, before, NONE);
    }

    fn unlink(&mut self, at: u32) {
        let Slot { line, older, newer, .. } = self.slots[at as usize];
        let line = &mut self.lines[usize::from(line)];
        line.len -= 1;
        match older {
            NONE => line.oldest = newer,
            older => self.slots[older as usize].newer = newer,
        }
        match newer {
            NONE => self.lines[usize::from(self.slots[at as usize].line)].newest = older,
            newer => self.slots[newer as usize].older = older,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::crypto::Rng;

    fn to(n: u64) -> DestinationHash {
        DestinationHash::of(&[&n.to_be_bytes()])
    }

    fn line(aged: &mut Aged<u64>, line: u8) -> Vec<u64> {
        let mut values = Vec::new();
        while let Some((key, value)) = aged.oldest(line) {
            values.push(*value);
            aged.remove(&key);
        }
        values
    }

    #[test]
    fn lines_keep_the_order_of_touches() {
        let mut aged = Aged::default();
        for n in 0..4 {
            aged.insert(to(n), 0, n);
        }
        aged.touch(&to(1));
        aged.insert(to(2), 0, 20);
        aged.set_line(&to(3), 1);
        assert_eq!((aged.line_len(0), aged.line_len(1), aged.line(&to(3))), (3, 1, Some(1)));
        assert_eq!(line(&mut aged, 0), [0, 1, 20]);
        assert_eq!(line(&mut aged, 1), [3]);
        assert_eq!(aged.len(), 0);
    }

    #[test]
    fn it_behaves_as_the_obvious_model() {
        let mut rng = Rng::from_seed([5; 32]);
        let (mut aged, mut model) = (Aged::default(), [VecDeque::new(), VecDeque::new(), VecDeque::new()]);
        for step in 0..20_000u64 {
            let (n, at) = (rng.below(60), rng.below(3) as u8);
            let known = model.iter().position(|line| line.contains(&n));
            match rng.below(4) {
                0 => {
                    model.iter_mut().for_each(|line| line.retain(|each| *each != n));
                    model[usize::from(at)].push_back(n);
                    aged.insert(to(n), at, n);
                }
                1 => {
                    model.iter_mut().for_each(|line| line.retain(|each| *each != n));
                    assert_eq!(aged.remove(&to(n)), known.map(|_| n));
                }
                2 if known.is_some() => {
                    let line = &mut model[known.unwrap()];
                    line.retain(|each| *each != n);
                    line.push_back(n);
                    aged.touch(&to(n));
                }
                _ => {
                    if known.is_some() {
                        model.iter_mut().for_each(|line| line.retain(|each| *each != n));
                        model[usize::from(at)].push_back(n);
                    }
                    aged.set_line(&to(n), at);
                }
            }
            for (at, line) in model.iter().enumerate() {
                assert_eq!(aged.oldest(at as u8).map(|(_, n)| *n), line.front().copied(), "step {step}");
                assert_eq!(aged.line_len(at as u8), line.len());
            }
            assert_eq!(aged.len(), model.iter().map(VecDeque::len).sum::<usize>());
        }
        assert!(aged.slots.len() <= 60, "slots are used again");
        assert_eq!(aged.iter().count(), aged.len());
        for (at, expected) in model.into_iter().enumerate() {
            assert_eq!(line(&mut aged, at as u8), Vec::from(expected));
        }
    }
}
