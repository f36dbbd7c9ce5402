//! What a node prints when it starts: who it is, and how one reaches it.

use std::fmt;

use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};
use reticulum::hash::DestinationHash;

/// The greeting of a node. Its text, through `Display`, ends with a line feed.
#[derive(Clone, Debug)]
pub struct Banner<'a> {
    /// Name of the group.
    pub name: &'a str,
    /// The `lxmf.delivery` destination.
    pub address: DestinationHash,
    /// The `meshchat.group` destination.
    pub api_address: DestinationHash,
    /// The one-time code that makes its sender the owner, while nobody has used it.
    pub claim_code: Option<&'a str>,
}

impl fmt::Display for Banner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uri = format!("lxma://{}", self.address);
        writeln!(f, "{}", self.name)?;
        writeln!(f, "  LXMF address   {}", self.address)?;
        writeln!(f, "  group address  {}", self.api_address)?;
        if let Some(code) = self.claim_code {
            writeln!(f, "  claim code     {code}")?;
            writeln!(f, "  Who sends \"/claim {code}\" there from their own client becomes the owner.")?;
        }
        if let Some(drawn) = drawn(&uri) {
            writeln!(f, "\n{drawn}")?;
        }
        writeln!(f, "{uri}")
    }
}

/// A text as a QR code for a terminal. `None` if it is too long for one.
pub(super) fn drawn(text: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    // Light modules are drawn, dark ones left out: right on the dark background of most terminals.
    Some(code.render().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tells_name_addresses_code_and_draws_the_uri() {
        let (address, api_address) = (DestinationHash::new([0xab; 16]), DestinationHash::new([0xcd; 16]));
        let banner = Banner { name: "Harbour", address, api_address, claim_code: Some("K7Q2-M9XD") };
        let text = banner.to_string();
        assert!(text.starts_with("Harbour\n"));
        assert!(text.contains(&format!("LXMF address   {}", "ab".repeat(16))));
        assert!(text.contains(&format!("group address  {}", "cd".repeat(16))));
        assert!(text.contains("/claim K7Q2-M9XD"));
        assert!(text.ends_with(&format!("lxma://{}\n", "ab".repeat(16))));
        let drawn = text.lines().filter(|line| line.contains(['█', '▀', '▄'])).count();
        assert!((12..=24).contains(&drawn), "{text}");
        assert!(!Banner { claim_code: None, ..banner }.to_string().contains("claim"));
    }
}
