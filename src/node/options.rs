//! What the configuration says, in the words of groups.

use crate::config::{self, Config, Creation};
use crate::group::{Founders, FoundingRules, Settings, Visibility};

/// What the group is when it is first created.
pub(super) fn settings(config: &Config) -> Settings {
    Settings {
        name: config.group.name.clone(),
        visibility: match config.group.visibility {
            config::Visibility::Public => Visibility::Public,
            config::Visibility::Private => Visibility::Private,
        },
        posts_per_minute: config.limits.posts_per_minute,
        post_chars_max: config.limits.message_length_max,
        send_cost: config.limits.stamp_cost,
        ..Settings::default()
    }
}

/// Who may create groups by request.
pub(super) fn founding(config: &Config) -> FoundingRules {
    let options = &config.groups;
    FoundingRules {
        founders: match options.create {
            Creation::Nobody => Founders::Nobody,
            Creation::Listed => Founders::Listed(options.creators.clone()),
            Creation::Anyone => Founders::Anyone,
        },
        groups_per_founder_max: options.per_creator_max as usize,
        groups_max: options.groups_max as usize,
        stamp_cost: options.stamp_cost,
    }
}
