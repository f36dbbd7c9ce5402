//! Asks the node that runs on a data folder how it is: `cargo run --example status -- DIR`.
//!
//! The control socket is open to any program of the same user, so a monitoring script can do this too.

use std::path::Path;

use meshgroup::api::client::{Client, ClientError};

fn main() -> Result<(), ClientError> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| ".".to_owned());
    let mut client = Client::connect(Path::new(&folder))?;
    let status = client.status()?;
    let online = status.interfaces.iter().filter(|interface| interface.online).count();
    println!("{}: {} members, {} messages", status.group.name, status.group.members, status.group.messages);
    println!("{online} of {} interfaces online, up {} s", status.interfaces.len(), status.uptime_s);
    for message in client.messages(status.group.last_event.saturating_sub(10), 10)?.messages {
        let nick = message.author.map_or("operator".to_owned(), |author| author.nick);
        println!("{:6} {nick}: {:?}", message.seq, message.text);
    }
    Ok(())
}
