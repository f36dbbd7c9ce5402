//! Vectors that were captured from the reference implementation, rns 1.5.7 (spec 14.1). Frames are without framing.

/// Bytes from hexadecimal digits.
pub(crate) fn hex(digits: &str) -> Vec<u8> {
    let nibble = |digit: u8| char::from(digit).to_digit(16).unwrap() as u8;
    digits.as_bytes().chunks(2).map(|pair| nibble(pair[0]) << 4 | nibble(pair[1])).collect()
}

/// As [`hex`], for a known length.
pub(crate) fn hex_array<const N: usize>(digits: &str) -> [u8; N] {
    hex(digits).try_into().unwrap()
}

/// Private form of identity A.
pub(crate) const A_PRIVATE: &str = "\
    f8953ffaf607627e615603ff1530c82c434cf87c07179dd7689ea776f30b964cfb7ba6164af00c5111a45e69e57d885e1285\
    f8dbfe3a21e95ae17cf676b0f8b7";

/// Public form of identity A.
pub(crate) const A_PUBLIC: &str = "\
    4219d9ce29da42bc823b66b24a051c65b482f062a436bdeb3793bbfa629249301cd07b674027511e73469c4edec93634c296\
    5fdeeae8e1c50db4b912c616501b";

/// Hash of identity A.
pub(crate) const A_HASH: &str = "650b5d76b6bec0390d1f8cfca5bd33f9";

/// Private form of identity B, the destination of all that follows.
pub(crate) const B_PRIVATE: &str = "\
    d85d036245436a3c33d3228affae06721f8203bc364ee0ee7556368ac62add650ebf8f926abf628da9d92baaa12db89bd651\
    6ee92ec29765f3afafcb8622d697";

/// Hash of identity B.
pub(crate) const B_HASH: &str = "1469e89450c361b253aefb0c606b6111";
/// B's destination `spec.test`.
pub(crate) const B_DESTINATION: &str = "d82d56fe224dd8d729d93e15f94eb2da";

/// Token of `reticulum` under key 00..3f and IV 00..0f.
pub(crate) const TOKEN: &str = "\
    000102030405060708090a0b0c0d0e0fd44b5d30a362b186ab2438b1fb021bac7df082c2d30bb45e1c7787e18f06ed69e4a3\
    0fe7c937be9ba17ed6ec17353c33";

/// 64 bytes from 32 zero bytes with salt 00..0f.
pub(crate) const HKDF_64: &str = "\
    3a24fc483b52920a7584c3161007fefc5b37aa63e0c99680fc2b31ac8369707191393bb8213710c3336932bff2acb91388fa\
    f7766485e1a707c09ed220727080";

/// Access key of network `testnet` with passphrase `secretpass`.
pub(crate) const IFAC_KEY: &str = "\
    7fa7c779aaeab112d31f62a4aac54dfee150917fbeb8e36377f78f6beac2bc9ca34c577d85879a9605b3c78173fd8e2de1b7\
    31b9abbf5182ad40c9659fce3559";

/// A keepalive on a link.
pub(crate) const KEEPALIVE: &str = "0c008d83fbfcbd6ff256f09c7f84f9927dd7faff";

/// [`KEEPALIVE`] on that network, with a code of 16 bytes.
pub(crate) const IFAC_KEEPALIVE: &str = "\
    890be004ec1e85e37f3d32924fa393bb1808260ec59297ac58b456629b39aee02cb654af";

/// Announce of `spec.test` by B, with a ratchet and application data `hello-b`.
pub(crate) const ANNOUNCE: &str = "\
    2100d82d56fe224dd8d729d93e15f94eb2da00a6ad9609176a4c5012ae056539065be584d5dc92e78ee151dd64654ccf0cd6\
    3596103b09e36c0fb83596fb2a6139075d6510236e6a86129cfc1fd403f74c5b115c84d40b6c5c06c74bdc4ddeaba346006b\
    00b5b56c0c8fed5b8f3b677f73451406143371d7f9dddeb895e90a5fe059c5d2e8591c6738180466db5bae08177d7c48fa14\
    f1143b5f3a20482c72cc11b6862843f633eff58bfee55c431ca713a3492d44beb4392d920df9391019ed101cd6dd7b640468\
    656c6c6f2d62";

/// The initiator's ephemeral agreement key.
pub(crate) const LINK_X25519: &str = "\
    b85a0e39d035a6089b303ebb294e42bb00f722b5716b5cf96ddb611dc6f45a57";

/// The initiator's ephemeral signing seed.
pub(crate) const LINK_ED25519: &str = "\
    756af5541cec5c4bd2b8a78eb6d97eb5e9e16f292606cc8373d5341d4feebc55";

/// Link request to B, in transport.
pub(crate) const LINK_REQUEST: &str = "\
    520012c399d60f351ee411ca262d1ee1c026d82d56fe224dd8d729d93e15f94eb2da00b02bdd25fe6554bc1d7ce32a586a00\
    ba4140398109d1bbe2fedd7d540dc93759f9294f40bc4f44914c8fa30e7a133eda69afd631ec70993817f463f30936536e20\
    01f4";

/// The id of the link.
pub(crate) const LINK_ID: &str = "c88a4faa2d48b6ae8f0448db9300702d";

/// B's answer, one hop on.
pub(crate) const LINK_PROOF: &str = "\
    0f01c88a4faa2d48b6ae8f0448db9300702dff234771fd9a119bc89ed430e1146c531a337bb04fa43886c7e8dc25763f1b43\
    96c9578b6aa792e03a8e609c9d5aecca9b6c7cc76b6eed622639d38e8604fe250cb2a99c8ac38b12b8282071ce10be468a77\
    39f818c14028869198e312dd422e012001f4";

/// What both ends agree on.
pub(crate) const LINK_SHARED: &str = "\
    ad07c1b5e30a27a62fbf6a8a16270b3a4ca63ad078c824aca20ca8c3d4bf0a69";

/// The link's token key.
pub(crate) const LINK_SESSION: &str = "\
    dce2af6fd0c69f0797cf63f317f0d62241bf7394a4d9e1b1e00ccbdd80bc67fd70c76702ad68f50d78c1d0d0a38a4b00fa8f\
    0e139b50f2c68fbb7e4a2ba7c7b4";

/// The initiator's round-trip time.
pub(crate) const LINK_RTT: &str = "\
    0c00c88a4faa2d48b6ae8f0448db9300702dfedbec592167dec806e8225ffc30b897c3b66827b24e8ecd677e791a9aecb0c5\
    a5fa127b1337a6f738b48690cdd7735557051f560fb28671156be12e8fbe5c670a";

/// Request of `/echo` with data `small`.
pub(crate) const LINK_REQUEST_ECHO: &str = "\
    0c00c88a4faa2d48b6ae8f0448db9300702d097b4d1f19f600ff56c2ed13a5537446efdf63571d56a09a71a8b0d5f14bc04c\
    f9520bb1f70e065d1790ff15bdd0c8e76d1035cb37cc55f7c85f2b3a1a080478317c4c0e2bb7b0b0b80d8d0ec3baac443534\
    6b8e97e67cd16755639cf612ad4452";

/// Its response.
pub(crate) const LINK_RESPONSE_ECHO: &str = "\
    0c01c88a4faa2d48b6ae8f0448db9300702d0aadd050a020cfd4264120fc60b74c1c97e595d653147356036c9eb3f6052fb6\
    e4159faa2fe83b98533b516f10bbd119d7fa237a2e6e1be4c20fb48e41c8e84eeb856e346b1f3f0e91976620699059d449";

/// The end of the link.
pub(crate) const LINK_CLOSE: &str = "\
    0c00c88a4faa2d48b6ae8f0448db9300702dfc83726c2aaff6015394362b6f745a05ec0a53f6c4ce25e13c712a979092eeab\
    efc812b535846d2130c41e8429ec3b20aeca9567f9ac3e103a1a92405e658c1eb99de4756f59afee1faa30ca598b041c42";
