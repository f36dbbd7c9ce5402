//! What an `[[interface]]` table says about announces and path requests, as the engine's rules. Names and units are those of
//! the ecosystem (interfaces.md section 2.3), so that what people know of them holds here.

use std::time::Duration;

use reticulum::node::{AnnounceRate, IngressRules, InterfaceRules};

use super::table::InterfaceTable;

/// Above this, seconds and frequencies are typing errors.
const SECONDS_MAX: u32 = 10 * 365 * 86_400;
const HERTZ_MAX: f32 = 1e6;

impl InterfaceTable {
    /// The rules, with the usual ones where the table is silent.
    pub(super) fn rules(&mut self) -> Result<InterfaceRules, String> {
        let usual = InterfaceRules::default();
        let cap = self.announce_cap.unwrap_or(usual.announce_cap_percent);
        if !(cap > 0.0 && cap <= 100.0) {
            return Err(format!("`announce_cap` = {cap} is out of range: above 0, at most 100 percent"));
        }
        Ok(InterfaceRules {
            announce_cap_percent: cap,
            announce_rate: self.announce_rate()?,
            gravity: self.gravity.unwrap_or(usual.gravity),
            recursive_requests: self.recursive_prs.unwrap_or(usual.recursive_requests),
            announces_from_internal: self.announces_from_internal.unwrap_or(usual.announces_from_internal),
            announces_to_internal: self.announces_to_internal.unwrap_or(usual.announces_to_internal),
            ingress: self.ingress_rules()?,
            egress_hz: self.egress_hz()?,
        })
    }

    fn announce_rate(&self) -> Result<Option<AnnounceRate>, String> {
        let usual = AnnounceRate::default();
        let target = seconds("announce_rate_target", self.announce_rate_target, usual.target)?;
        let rate = AnnounceRate {
            target,
            grace: self.announce_rate_grace.unwrap_or(usual.grace),
            penalty: seconds("announce_rate_penalty", self.announce_rate_penalty, usual.penalty)?,
        };
        if target.is_zero() && (self.announce_rate_grace.is_some() || self.announce_rate_penalty.is_some()) {
            return Err("`announce_rate_target` = 0 is no limit at all, without grace and penalty".to_owned());
        }
        Ok((!target.is_zero()).then_some(rate))
    }

    fn ingress_rules(&self) -> Result<IngressRules, String> {
        let usual = IngressRules::default();
        Ok(IngressRules {
            held_announces_max: self.ic_max_held_announces.unwrap_or(usual.held_announces_max),
            burst_hold: seconds("ic_burst_hold", self.ic_burst_hold, usual.burst_hold)?,
            burst_hz: hertz("ic_burst_freq", self.ic_burst_freq, usual.burst_hz)?,
            burst_new_hz: hertz("ic_burst_freq_new", self.ic_burst_freq_new, usual.burst_new_hz)?,
            request_burst_hz: hertz("ic_pr_burst_freq", self.ic_pr_burst_freq, usual.request_burst_hz)?,
            request_burst_new_hz: hertz(
                "ic_pr_burst_freq_new",
                self.ic_pr_burst_freq_new,
                usual.request_burst_new_hz,
            )?,
            new_for: seconds("ic_new_time", self.ic_new_time, usual.new_for)?,
            burst_penalty: seconds("ic_burst_penalty", self.ic_burst_penalty, usual.burst_penalty)?,
            release_interval: seconds(
                "ic_held_release_interval",
                self.ic_held_release_interval,
                usual.release_interval,
            )?
            .max(Duration::from_secs(1)),
        })
    }

    fn egress_hz(&self) -> Result<Option<f32>, String> {
        const USUAL_HZ: f32 = 5.0;
        let limit = hertz("ec_pr_freq", self.ec_pr_freq, USUAL_HZ)?;
        match (self.egress_control, self.ec_pr_freq) {
            (Some(true), _) => Ok(Some(limit)),
            (None, Some(_)) => Err("`ec_pr_freq` needs `egress_control = true`".to_owned()),
            _ => Ok(None),
        }
    }
}

fn seconds(key: &str, given: Option<u32>, usual: Duration) -> Result<Duration, String> {
    match given {
        Some(given) if given > SECONDS_MAX => {
            Err(format!("`{key}` = {given} is out of range: at most {SECONDS_MAX} seconds"))
        }
        given => Ok(given.map_or(usual, |given| Duration::from_secs(given.into()))),
    }
}

fn hertz(key: &str, given: Option<f32>, usual: f32) -> Result<f32, String> {
    match given {
        Some(given) if !(given > 0.0 && given <= HERTZ_MAX) => {
            Err(format!("`{key}` = {given} is out of range: above 0, at most {HERTZ_MAX} a second"))
        }
        given => Ok(given.unwrap_or(usual)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(lines: &str) -> Result<InterfaceRules, String> {
        toml::from_str::<InterfaceTable>(lines).unwrap().rules()
    }

    #[test]
    fn a_silent_table_gives_the_rules_of_the_field() {
        assert_eq!(rules("").unwrap(), InterfaceRules::default());
    }

    #[test]
    fn each_key_sets_its_rule() {
        let s = Duration::from_secs;
        let usual = InterfaceRules::default();
        let ingress = |ingress| InterfaceRules { ingress, ..usual };
        let rate = |rate| InterfaceRules { announce_rate: Some(rate), ..usual };
        let (i, r) = (usual.ingress, AnnounceRate::default());
        let rows = [
            ("announce_cap = 2.5", InterfaceRules { announce_cap_percent: 2.5, ..usual }),
            ("announce_rate_target = 60", rate(AnnounceRate { target: s(60), ..r })),
            ("announce_rate_grace = 1", rate(AnnounceRate { grace: 1, ..r })),
            ("announce_rate_penalty = 7200", rate(AnnounceRate { penalty: s(7200), ..r })),
            ("announce_rate_target = 0", InterfaceRules { announce_rate: None, ..usual }),
            ("gravity = -3", InterfaceRules { gravity: -3, ..usual }),
            ("recursive_prs = true", InterfaceRules { recursive_requests: true, ..usual }),
            ("announces_from_internal = false", InterfaceRules { announces_from_internal: false, ..usual }),
            ("announces_to_internal = true", InterfaceRules { announces_to_internal: true, ..usual }),
            ("egress_control = true", InterfaceRules { egress_hz: Some(5.0), ..usual }),
            ("egress_control = false", usual),
            ("egress_control = true\nec_pr_freq = 0.5", InterfaceRules { egress_hz: Some(0.5), ..usual }),
            ("ic_max_held_announces = 9", ingress(IngressRules { held_announces_max: 9, ..i })),
            ("ic_burst_hold = 9", ingress(IngressRules { burst_hold: s(9), ..i })),
            ("ic_burst_freq = 9.5", ingress(IngressRules { burst_hz: 9.5, ..i })),
            ("ic_burst_freq_new = 9.5", ingress(IngressRules { burst_new_hz: 9.5, ..i })),
            ("ic_pr_burst_freq = 9.5", ingress(IngressRules { request_burst_hz: 9.5, ..i })),
            ("ic_pr_burst_freq_new = 9.5", ingress(IngressRules { request_burst_new_hz: 9.5, ..i })),
            ("ic_new_time = 9", ingress(IngressRules { new_for: s(9), ..i })),
            ("ic_burst_penalty = 9", ingress(IngressRules { burst_penalty: s(9), ..i })),
            ("ic_held_release_interval = 9", ingress(IngressRules { release_interval: s(9), ..i })),
        ];
        for (lines, expected) in rows {
            assert_eq!(rules(lines).unwrap(), expected, "{lines}");
        }
    }

    #[test]
    fn values_out_of_range_are_refused_by_name() {
        for lines in [
            "announce_cap = 0.0",
            "announce_cap = 100.1",
            "announce_cap = nan",
            "ic_burst_freq = 0.0",
            "ic_new_time = 4000000000",
            "ec_pr_freq = 1.0",
            "announce_rate_target = 0\nannounce_rate_grace = 3",
        ] {
            let problem = rules(lines).unwrap_err();
            assert!(problem.contains(lines.split([' ', '\n']).next().unwrap()), "{lines}: {problem}");
        }
    }
}
