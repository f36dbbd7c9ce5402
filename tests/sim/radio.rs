//! A group of twenty on one LoRa channel, sixty posts in an hour through a real host: no worse than the committed table says.

use std::time::Duration;

use crate::support::circle::{Circle, Fanout, HEAD, Line, SEEDS, TITLE, circles};

const TABLE: &str = include_str!("snapshots/circle.md");

/// Arrived, in percent, p95 and air time, in seconds, as the table has them.
fn committed(line: &Line) -> [f64; 3] {
    let key = |line: &str| line.split('|').take(6).map(str::to_owned).collect::<Vec<_>>();
    let wanted = key(&line.to_string());
    let found = TABLE.lines().find(|line| key(line) == wanted).expect("the table has the line");
    let cells: Vec<&str> = found.split('|').collect();
    [6, 8, 11].map(|cell| cells[cell].trim().trim_end_matches(['%', 's', ' ']).parse().expect("a number"))
}

#[test]
fn sixty_posts_in_an_hour_reach_twenty_members_on_one_channel() {
    assert!(TABLE.starts_with(TITLE) && TABLE.contains(HEAD));
    for circle in circles().into_iter().filter(|circle| circle.fanout == Fanout::Group) {
        let line = Line::measure(circle, SEEDS.start..SEEDS.start + 1);
        let [arrived_percent, p95_s, airtime_s] = committed(&line);
        assert!(line.arrived_percent >= arrived_percent - 1.0, "{line}");
        assert!(line.p95.as_secs_f64() <= p95_s * 1.5 + 10.0, "{line}");
        assert!(line.airtime.as_secs_f64() <= airtime_s * 1.2, "{line}");
    }
}

#[test]
fn where_the_channel_is_full_the_group_is_ahead_of_one_message_for_each() {
    let circle = |fanout| Circle { members: 20, posts: 60, spreading_factor: 10, loss_permille: 0, fanout };
    let [naive, group] = [Fanout::Naive, Fanout::Group].map(|fanout| Line::measure(circle(fanout), 1..2));
    assert!(group.arrived_percent > naive.arrived_percent, "{group} {naive}");
    assert!(group.p95 * 5 < naive.p95, "{group} {naive}");
    assert!(group.p95 < Duration::from_secs(300), "{group}");
}
