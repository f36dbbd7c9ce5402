//! Which announces an interface lets out: the matrix of modes (`spec/reticulum.md` 4.5, `spec/interfaces.md` 1.4), and
//! where a path request may be passed on to (`spec/reticulum.md` 5.6, row 4).

use crate::node::{InterfaceConfig, Mode};

/// What the matrix says of an announce on one interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outgoing {
    /// It stays here.
    Block,
    /// It goes out at once.
    Pass,
    /// It goes out within the interface's announce cap.
    Capped,
}

/// Whose announce it is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Origin<'a> {
    /// A destination of this node.
    Own,
    /// Heard on this interface, over which its path leads; none if the path is gone.
    Heard(Option<&'a InterfaceConfig>),
}

/// Applies the matrix; `hops` is the hop byte that the announce would carry. The first row that matches wins.
pub(crate) fn outgoing(out: &InterfaceConfig, origin: Origin<'_>, hops: u8) -> Outgoing {
    let from = match origin {
        Origin::Own => None,
        Origin::Heard(None) => return Outgoing::Block,
        Origin::Heard(from) => from,
    };
    let from_mode = from.map(|from| from.mode);
    if from_mode == Some(Mode::Internal) && !out.rules.announces_from_internal {
        return Outgoing::Block;
    }
    let pass = match (out.mode, from_mode) {
        (Mode::AccessPoint, _) => false,
        (Mode::Internal, Some(mode)) => {
            mode != Mode::Boundary || from.is_some_and(|from| from.rules.announces_to_internal)
        }
        (Mode::Roaming, Some(mode)) => !matches!(mode, Mode::Roaming | Mode::Boundary),
        (Mode::Boundary, Some(mode)) => mode != Mode::Roaming,
        (Mode::Roaming | Mode::Boundary, None) => true,
        _ if hops > 0 => return Outgoing::Capped,
        _ => true,
    };
    if pass { Outgoing::Pass } else { Outgoing::Block }
}

/// Whether an unknown path is looked for on behalf of who asks on `asked`, and sending the question to `out` is part of
/// it.
pub(crate) fn searches(asked: &InterfaceConfig, out: &InterfaceConfig) -> bool {
    match asked.mode {
        _ if asked.is_local_client || out.is_local_client => true,
        _ if asked.rules.recursive_requests => true,
        Mode::AccessPoint | Mode::Gateway | Mode::Roaming | Mode::Internal => true,
        Mode::Boundary => matches!(out.mode, Mode::Boundary | Mode::Gateway),
        Mode::Full | Mode::PointToPoint => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::InterfaceRules;

    const MODES: [Mode; 7] = [
        Mode::Full,
        Mode::PointToPoint,
        Mode::AccessPoint,
        Mode::Roaming,
        Mode::Boundary,
        Mode::Gateway,
        Mode::Internal,
    ];

    fn interface(mode: Mode) -> InterfaceConfig {
        InterfaceConfig { mode, ..InterfaceConfig::default() }
    }

    fn with(mode: Mode, rules: InterfaceRules) -> InterfaceConfig {
        InterfaceConfig { rules, ..interface(mode) }
    }

    fn heard(out: Mode, from: Mode) -> Outgoing {
        outgoing(&interface(out), Origin::Heard(Some(&interface(from))), 3)
    }

    #[test]
    fn row_1_without_a_path_nothing_of_others_goes_out() {
        for out in MODES {
            assert_eq!(outgoing(&interface(out), Origin::Heard(None), 3), Outgoing::Block, "{out:?}");
        }
    }

    #[test]
    fn row_2_an_interface_can_refuse_what_comes_from_inside() {
        let rules = InterfaceRules { announces_from_internal: false, ..InterfaceRules::default() };
        for out in MODES {
            let (shut, internal) = (with(out, rules), interface(Mode::Internal));
            assert_eq!(outgoing(&shut, Origin::Heard(Some(&internal)), 3), Outgoing::Block, "{out:?}");
            let gateway = interface(Mode::Gateway);
            assert_eq!(
                outgoing(&shut, Origin::Heard(Some(&gateway)), 3),
                heard(out, Mode::Gateway),
                "{out:?}: others as ever"
            );
        }
        assert_eq!(outgoing(&with(Mode::Full, rules), Origin::Own, 0), Outgoing::Pass, "our own goes out");
    }

    /// Every cell of the matrix: a line an outgoing mode, a column the mode of the interface it was heard on.
    #[test]
    fn rows_3_to_7_every_cell() {
        use Outgoing::{Block as X, Capped as C, Pass as P};
        //                  full ptp ap  roam bound gate internal
        let cells = [
            /* full       */ [C, C, C, C, C, C, C],
            /* ptp        */ [C, C, C, C, C, C, C],
            /* access p.  */ [X, X, X, X, X, X, X],
            /* roaming    */ [P, P, P, X, X, P, P],
            /* boundary   */ [P, P, P, X, P, P, P],
            /* gateway    */ [C, C, C, C, C, C, C],
            /* internal   */ [P, P, P, P, X, P, P],
        ];
        for (out, row) in MODES.into_iter().zip(cells) {
            for (from, cell) in MODES.into_iter().zip(row) {
                assert_eq!(heard(out, from), cell, "from {from:?} to {out:?}");
            }
        }
    }

    #[test]
    fn rows_3_to_7_for_our_own() {
        for out in MODES {
            let expected = if out == Mode::AccessPoint { Outgoing::Block } else { Outgoing::Pass };
            assert_eq!(outgoing(&interface(out), Origin::Own, 0), expected, "{out:?}");
        }
    }

    #[test]
    fn row_4_a_boundary_can_be_let_inside() {
        let rules = InterfaceRules { announces_to_internal: true, ..InterfaceRules::default() };
        let boundary = with(Mode::Boundary, rules);
        assert_eq!(outgoing(&interface(Mode::Internal), Origin::Heard(Some(&boundary)), 3), Outgoing::Pass);
        assert_eq!(
            outgoing(&interface(Mode::Roaming), Origin::Heard(Some(&boundary)), 3),
            Outgoing::Block,
            "the option is about internal interfaces only"
        );
    }

    #[test]
    fn row_7_an_announce_without_hops_is_not_capped() {
        let from = interface(Mode::Full);
        for out in [Mode::Full, Mode::PointToPoint, Mode::Gateway] {
            assert_eq!(outgoing(&interface(out), Origin::Heard(Some(&from)), 0), Outgoing::Pass, "{out:?}");
        }
    }

    #[test]
    fn who_searches_for_whom() {
        for asked in MODES {
            for out in MODES {
                let expected = match asked {
                    Mode::AccessPoint | Mode::Gateway | Mode::Roaming | Mode::Internal => true,
                    Mode::Boundary => out == Mode::Boundary || out == Mode::Gateway,
                    _ => false,
                };
                assert_eq!(searches(&interface(asked), &interface(out)), expected, "{asked:?} {out:?}");
                let rules = InterfaceRules { recursive_requests: true, ..InterfaceRules::default() };
                assert!(searches(&with(asked, rules), &interface(out)), "{asked:?} with recursive_requests");
                let local = InterfaceConfig { is_local_client: true, ..InterfaceConfig::default() };
                assert!(searches(&local, &interface(out)), "programs of this machine");
                assert!(searches(&interface(asked), &local), "and for them");
            }
        }
    }
}
