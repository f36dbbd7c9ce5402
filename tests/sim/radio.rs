//! A group of twenty on one LoRa channel at SF8: sixty posts in an hour through a real host, and what they cost.

use std::time::Duration;

use crate::support::circle::Circle;

#[test]
fn sixty_posts_in_an_hour_reach_all_twenty_members_on_one_channel() {
    let circle = Circle { members: 20, posts: 60, spreading_factor: 8, loss_permille: 0 };
    let measured = circle.measure(1);
    assert_eq!(measured.copies, circle.wanted(), "{measured}");
    assert!(measured.delay(95) < Duration::from_secs(60), "{measured}");
    assert!(measured.airtime < Duration::from_secs(1800), "half of the hour: {measured}");
}
