//! The committed table of meshes over the air stays true: the small ones are measured again, and are no worse.
//! `cargo run --profile search --example swarm -- --meshes tests/sim/snapshots/meshes.md` writes the whole table.

use crate::support::meshes::{HEAD, Row, SEEDS, TITLE, measure_all, meshes};

const TABLE: &str = include_str!("snapshots/meshes.md");

/// Arrived, in percent, and p95, in seconds, as the table has them.
fn committed(row: &Row) -> (f64, f64) {
    let key = |line: &str| line.split('|').take(5).map(str::to_owned).collect::<Vec<_>>();
    let (wanted, number) = (key(&row.to_string()), |cell: &str| {
        cell.trim().trim_end_matches(['%', 's', ' ']).parse::<f64>().expect("a number")
    });
    let line = TABLE.lines().find(|line| key(line) == wanted).expect("the table has the line");
    let cells: Vec<&str> = line.split('|').collect();
    (number(cells[7]), number(cells[9]))
}

#[test]
fn small_meshes_deliver_as_well_as_the_table_says() {
    assert!(TABLE.starts_with(TITLE) && TABLE.contains(HEAD));
    for mesh in meshes().into_iter().filter(|mesh| mesh.nodes <= 10) {
        let row = measure_all(mesh, SEEDS.start..SEEDS.start + 1);
        let (arrived_percent, p95_s) = committed(&row);
        assert!(row.arrived_percent >= arrived_percent - 5.0, "{row}");
        assert!(row.p95.as_secs_f64() <= p95_s * 2.0 + 10.0, "{row}");
    }
}
