//! Who hears whom, how well, and how often not: the matrix of a channel, and its text form.

use std::str::FromStr;

use rand_chacha::ChaCha20Rng;

use crate::channel::chance;

/// A channel joins at most this many radios.
const RADIOS_MAX: usize = 4096;

/// How one radio hears another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal {
    /// Strength at the receiver, in decibel over a milliwatt.
    pub rssi_dbm: i16,
    /// Of 1,000 frames that would arrive, so many do not.
    pub loss_permille: u16,
}

/// Loss in bursts: each pair is in a good or in a bad state, and may change with each frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bursts {
    /// Of 1,000 frames in the good state, so many begin a burst.
    pub begin_permille: u16,
    /// Of 1,000 frames in the bad state, so many end it.
    pub end_permille: u16,
    /// Of 1,000 frames in the bad state, so many are lost.
    pub loss_permille: u16,
}

/// The matrix: for each pair of sender and receiver the signal, or nothing if they are hidden from each other.
///
/// As text it is one line for each sender, with one cell for each receiver: the strength in decibel over a milliwatt,
/// with `/` and percent of loss if some is lost, or `-` for no signal. `#` begins a comment. The diagonal means nothing.
///
/// ```
/// let terrain: lora_channel::Terrain = "  -    -80   -
///                                        -80   -     -95/2.5
///                                        -    -95    -".parse()?;
/// assert_eq!(terrain.radios(), 3);
/// assert_eq!(terrain.signal(1, 2).map(|signal| signal.loss_permille), Some(25));
/// assert_eq!(terrain.signal(0, 2), None);
/// # Ok::<(), lora_channel::TerrainError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terrain {
    radios: usize,
    signals: Vec<Option<Signal>>,
    bad: Vec<bool>,
}

/// Why a text is no matrix. Lines and cells count from 1, comments and empty lines not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TerrainError {
    /// A cell is neither a strength nor `-`.
    #[error("row {row}, cell {cell}: expected a strength like -90, -90/2.5 (with percent of loss), or -")]
    Cell {
        /// The sender's row.
        row: usize,
        /// The receiver's cell.
        cell: usize,
    },
    /// A row has not as many cells as there are rows.
    #[error("row {row} has {cells} cells, but there are {rows} rows; the matrix must be square")]
    NotSquare {
        /// The row.
        row: usize,
        /// Its cells.
        cells: usize,
        /// All rows.
        rows: usize,
    },
    /// More radios than a channel joins.
    #[error("more than {RADIOS_MAX} radios")]
    TooMany,
}

impl Terrain {
    /// `radios` radios that all hear each other equally.
    pub fn even(radios: usize, signal: Signal) -> Self {
        assert!(radios <= RADIOS_MAX, "at most {RADIOS_MAX} radios");
        Self { radios, signals: vec![Some(signal); radios * radios], bad: vec![false; radios * radios] }
    }

    /// `radios` radios that do not hear each other.
    pub fn silent(radios: usize) -> Self {
        let mut terrain = Self::even(radios, Signal { rssi_dbm: 0, loss_permille: 0 });
        terrain.signals.fill(None);
        terrain
    }

    /// Sets how `to` hears `from`.
    pub fn set(&mut self, from: usize, to: usize, signal: Option<Signal>) {
        let at = self.index(from, to);
        self.signals[at] = signal;
    }

    /// Sets how two radios hear each other.
    pub fn join(&mut self, a: usize, b: usize, signal: Option<Signal>) {
        self.set(a, b, signal);
        self.set(b, a, signal);
    }

    /// Number of radios.
    pub fn radios(&self) -> usize {
        self.radios
    }

    /// How `to` hears `from`; no radio hears itself.
    pub fn signal(&self, from: usize, to: usize) -> Option<Signal> {
        self.signals[self.index(from, to)].filter(|_| from != to)
    }

    /// Whether chance takes one frame away.
    pub(crate) fn loses(
        &mut self,
        from: usize,
        to: usize,
        bursts: Option<Bursts>,
        rng: &mut ChaCha20Rng,
    ) -> bool {
        let at = self.index(from, to);
        let loss_permille = self.signals[at].map_or(0, |signal| signal.loss_permille);
        let lost_in_burst = bursts.is_some_and(|bursts| {
            let bad = &mut self.bad[at];
            *bad ^= chance(rng, if *bad { bursts.end_permille } else { bursts.begin_permille });
            *bad && chance(rng, bursts.loss_permille)
        });
        chance(rng, loss_permille) || lost_in_burst
    }

    fn index(&self, from: usize, to: usize) -> usize {
        assert!(from < self.radios && to < self.radios, "radios {from} and {to} of {}", self.radios);
        from * self.radios + to
    }
}

impl FromStr for Terrain {
    type Err = TerrainError;

    fn from_str(text: &str) -> Result<Self, TerrainError> {
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
        let rows: Vec<Vec<&str>> = lines
            .map(|line| line.split_whitespace().collect())
            .filter(|row: &Vec<_>| !row.is_empty())
            .collect();
        if rows.len() > RADIOS_MAX {
            return Err(TerrainError::TooMany);
        }
        let mut terrain = Self::silent(rows.len());
        for (from, cells) in rows.iter().enumerate() {
            if cells.len() != rows.len() {
                let (row, cells, rows) = (from + 1, cells.len(), rows.len());
                return Err(TerrainError::NotSquare { row, cells, rows });
            }
            for (to, cell) in cells.iter().enumerate() {
                let error = TerrainError::Cell { row: from + 1, cell: to + 1 };
                terrain.set(from, to, parse_cell(cell).ok_or(error)?);
            }
        }
        Ok(terrain)
    }
}

fn parse_cell(cell: &str) -> Option<Option<Signal>> {
    if cell == "-" {
        return Some(None);
    }
    let (rssi, loss) = cell.split_once('/').unwrap_or((cell, "0"));
    let rssi_dbm = rssi.parse().ok()?;
    let percent = loss.parse::<f64>().ok().filter(|percent| (0.0..=100.0).contains(percent))?;
    Some(Some(Signal { rssi_dbm, loss_permille: (percent * 10.0).round() as u16 }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_no_matrix_says_where() {
        let rows = [
            ("- -80\n-80", TerrainError::NotSquare { row: 2, cells: 1, rows: 2 }),
            ("- x\n-80 -", TerrainError::Cell { row: 1, cell: 2 }),
            ("# two\n- -80\n\n-80/101 - # far", TerrainError::Cell { row: 2, cell: 1 }),
            ("- -80/\n-80 -", TerrainError::Cell { row: 1, cell: 2 }),
        ];
        for (text, error) in rows {
            assert_eq!(text.parse::<Terrain>(), Err(error), "{text}");
        }
    }

    #[test]
    fn no_radio_hears_itself() {
        let terrain = Terrain::even(2, Signal { rssi_dbm: -50, loss_permille: 0 });
        assert_eq!(terrain.signal(1, 1), None);
        assert!(terrain.signal(0, 1).is_some());
    }
}
